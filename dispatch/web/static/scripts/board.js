// Announcements, the alarm and the keys of the board.
//
// Everything shown is rendered by the server; this says what is new to screen readers and sounds
// while something needs somebody. The sound repeats until each alarm is acted on or the sound is
// stopped; a new alarm sounds again, also of an incident whose others were stopped. The red bar above
// the lanes says the same to the eye.
"use strict";

(() => {
  // --- what is new: said once, by the region that fits

  const found = (selector) => new Map([...document.querySelectorAll(selector)].map(
    (one) => [one.dataset.alarm ?? one.id, one]));
  const lanesOf = (cards) => new Map([...cards].map(([id, card]) => [id, card.dataset.card]));
  let lanes = lanesOf(found("[data-card]"));
  let alarms = found("[data-alarm]");

  const announce = () => {
    const cards = found("[data-card]");
    const raised = found("[data-alarm]");
    const urgent = [...raised].filter(([id]) => !alarms.has(id)).map(
      ([, alarm]) => `${alarm.closest("[data-card]").dataset.says} ${alarm.textContent.trim()}`);
    const other = [...cards].filter(
      ([id, card]) => card.dataset.card !== "needs_you" && card.dataset.card !== lanes.get(id)).map(
      ([, card]) => `${card.closest(".lane").querySelector(".lane-name").firstChild.textContent.trim()}: ${card.dataset.says}`);
    lanes = lanesOf(cards);
    alarms = raised;
    if (urgent.length) document.getElementById("alerts").textContent = urgent.join(" ");
    if (other.length) document.getElementById("announcements").textContent = other.join(" ");
    sound();
  };

  // --- the alarm

  const enable = document.querySelector("[data-sound]");
  const tab = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(16).slice(2)}`;
  let audio = null;
  let ringing = null;

  const silenced = new Set();
  const needing = () => [...found("[data-alarm]")].filter(
    ([id, alarm]) => !silenced.has(id) && !("seen" in alarm.dataset));

  const beep = () => {
    if (audio?.state !== "running") return;
    for (const [delay, pitch] of [[0, 880], [0.22, 660], [0.44, 880]]) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const start = audio.currentTime + delay;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.25, start + 0.02);
      volume.gain.setValueAtTime(0.25, start + 0.16);
      volume.gain.linearRampToValueAtTime(0, start + 0.2);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.21);
    }
  };

  const title = document.title;
  const sound = () => {
    const cards = document.querySelectorAll('[data-card="needs_you"]').length;
    document.title = cards ? `(${cards}) ${title}` : title;
    const quiet = document.querySelector("[data-quiet]");
    if (quiet) quiet.hidden = needing().length === 0;
    if (needing().length && !ringing) {
      beep();
      ringing = setInterval(beep, 3000);
    } else if (!needing().length && ringing) {
      clearInterval(ringing);
      ringing = null;
    }
  };

  // A browser lets a screen sound only after a touch or a key; until then a button asks for one.
  const blocked = document.getElementById("no-sound");
  const heard = () => audio?.state === "running";
  const showSound = () => {
    enable.hidden = heard();
    blocked.hidden = heard();
    report();
  };
  const wake = () => {
    audio.resume();
  };
  let pressed = false;
  // Not before the finger is off: what is hidden moves the rest, and the click would miss its button.
  const released = () => setTimeout(() => {
    pressed = false;
    if (enable.hidden !== heard()) showSound();
  });
  if (enable) {
    audio = new AudioContext();
    audio.addEventListener("statechange", () => { if (!pressed) showSound(); });
    document.addEventListener("pointerdown", () => { pressed = true; });
    for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, released);
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, wake);
    enable.addEventListener("click", beep);
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-quiet]")) return;
    for (const [id] of needing()) silenced.add(id);
    sound();
  });

  document.addEventListener("htmx:after:swap", announce);
  sound();

  // --- saying that this board is open and whether it can sound: else the control room is rung

  const REPORT_MS = 20_000;
  const where = document.querySelector("[data-report]")?.dataset.report;
  const told = (sounds) => {
    const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
    return new URLSearchParams({ csrf_token: token ?? "", tab, sounds: sounds ? "yes" : "no" });
  };
  // A board whose updates are paused learns of nothing that it could sound about.
  const pause = document.getElementById("pause");
  const sounds = () => heard() && pause?.getAttribute("aria-pressed") !== "true";
  const report = () => {
    if (where) fetch(where, { method: "POST", body: told(sounds()), headers: { "X-By-Itself": "1" } }).catch(() => {});
  };
  if (where && enable) {
    showSound();
    setInterval(report, REPORT_MS);
    pause?.addEventListener("click", () => setTimeout(report));
    addEventListener("pageshow", (event) => { if (event.persisted) report(); });
    addEventListener("pagehide", () => navigator.sendBeacon(where, told(false)));
  }

  // --- an action that was done: its form is empty and closed again, its message goes by itself

  const DONE_MESSAGE_MS = 12_000;
  let clearing = null;

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const form = ctx.sourceElement;
    if (!form.matches?.("#incident form") || ctx.response.status >= 300) return;
    if (!("edited" in form.dataset)) { // else somebody writes the next one already
      form.reset();
      form.closest("details:not(#narrative)")?.removeAttribute("open");
    }
    clearTimeout(clearing);
    clearing = setTimeout(() => {
      for (const done of document.querySelectorAll('#messages [data-kind="done"]')) done.remove();
    }, DONE_MESSAGE_MS);
  });

  // --- the chosen card

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".card-link");
    if (!link) return;
    for (const one of document.querySelectorAll(".card-link")) one.setAttribute("aria-current", one === link);
    document.getElementById("chosen").value = link.closest(".card").id.slice("card-".length);
  });

  // --- keys

  const keysOn = () => { try { return localStorage.getItem("dispatch.keys") !== "off"; } catch { return true; } };
  const keysSwitch = document.querySelector("[data-keys-switch]");
  if (keysSwitch) {
    keysSwitch.checked = keysOn();
    keysSwitch.addEventListener("change", () => {
      try { localStorage.setItem("dispatch.keys", keysSwitch.checked ? "on" : "off"); } catch { /* stays on */ }
    });
  }

  const move = (step) => {
    const links = [...document.querySelectorAll(".card-link")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
    links[Math.min(links.length - 1, Math.max(0, next))].focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && document.getElementById("lanes")) {
      event.preventDefault();
      return move(steps[event.key]);
    }
    const twin = keysOn() && [...document.querySelectorAll("[data-key]")].find(
      (one) => one.dataset.key === event.key);
    if (!twin) return;
    event.preventDefault();
    if (twin.matches("input")) twin.focus(); else twin.click();
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
  });
})();
