// Time that ticks: the clock, ages and countdown rings of every screen, and the end of the sign-in.
//
// The server renders each of them; this only lets them go on between two refreshes, by the server's
// time, whatever the clock of this computer says.
"use strict";

(() => {
  const root = document.documentElement;

  let offset = Number(root.dataset.now) - Date.now();
  const now = () => Date.now() + offset;

  document.addEventListener("htmx:before:response", (event) => {
    // The Date header has whole seconds: a smaller difference is not an error of this clock.
    const date = Date.parse(event.detail.ctx.response.headers.get("Date"));
    if (Math.abs(date - now()) > 1500) offset = date + 500 - Date.now();
  });

  const two = (number) => String(number).padStart(2, "0");
  const span = (s) => s < 60 ? `${s} s`
    : s < 3600 ? `${Math.floor(s / 60)} min`
    : s < 86400 ? `${Math.floor(s / 3600)} h ${two(Math.floor(s % 3600 / 60))}`
    : `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  const clock = document.querySelector("[data-clock]");
  const clockZero = clock && (() => {
    // The server writes local time in the organisation's zone: keep its distance from UTC.
    const [h, m, s] = clock.textContent.split(":").map(Number);
    return (h * 3600 + m * 60 + s) * 1000 - Number(root.dataset.now) % 86_400_000;
  })();

  // What a screen asks for by itself is no sign that anybody is there: only clicks and keys keep
  // somebody signed in.
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceEvent?.isTrusted) ctx.request.headers["X-By-Itself"] = "1";
  });

  // Shortly before the sign-in ends without a click the server says so, or that somebody clicked
  // elsewhere meanwhile.
  const EVERY_MS = 15_000;
  let told = null; // what the server said last, and when: no clock has to be right for this
  let since = 0;
  let asked = 0;
  const warn = () => {
    const idle = document.getElementById("idle");
    if (!idle) return;
    if (idle.dataset.quiet !== told) [told, since] = [idle.dataset.quiet, Date.now()];
    if (Date.now() < Math.max(since + 1000 * Number(told), asked + EVERY_MS)) return;
    asked = Date.now();
    htmx.trigger(idle, "near");
  };

  const tick = () => {
    const at = now();
    if (clock) {
      const s = Math.floor((((at + clockZero) % 86_400_000) + 86_400_000) % 86_400_000 / 1000);
      write(clock, `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`);
    }
    warn();
    for (const age of document.querySelectorAll("[data-since]")) {
      write(age, span(Math.max(0, Math.floor((at - Number(age.dataset.since)) / 1000))));
    }
    for (const ring of document.querySelectorAll("[data-due]")) {
      const left = (Number(ring.dataset.due) - at) / 1000;
      const s = Math.abs(Math.round(left));
      ring.toggleAttribute("data-over", left < -0.5);
      write(ring.querySelector("b"), `${left < -0.5 ? "+" : ""}${Math.floor(s / 60)}:${two(s % 60)}`);
      const gone = 100 * (1 - Math.min(1, Math.max(0, left / Number(ring.dataset.span))));
      ring.querySelector(".ring-arc").setAttribute("stroke-dashoffset", gone.toFixed(1));
    }
  };
  document.addEventListener("htmx:after:swap", tick);
  setInterval(tick, 1000);
  tick();
})();
