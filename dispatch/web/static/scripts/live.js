// Keeps the fragments of a screen fresh without moving anything under the hand.
//
// The server's stream carries hints only: `event: <topic>` with a revision. Every fragment names
// the topics it shows in data-topics and refetches itself (hx-get on the event "live", swapped by
// morphing) on a hint, after a reconnect and every 15 seconds. So a refused or broken stream costs
// time, never truth. A form that somebody is writing in is marked data-edited and left alone by the
// morph, and so is what was opened for reading (data-kept). A hidden tab gives its connection back
// (a browser has six for a whole host) but goes on asking every 15 seconds, because an alarm must
// sound behind other windows too.
"use strict";

(() => {
  const EVERY_MS = 15_000;
  const RETRY_STREAM_MS = 60_000;
  const word = document.getElementById("live");
  const lost = document.getElementById("lost");
  const alerts = document.getElementById("alerts");
  const pause = document.getElementById("pause");
  if (!word) return;

  const etags = new WeakMap();
  const heard = new Set();
  let stream = null;
  let freshAt = Date.now();
  const failing = new Set(); // ids of the fragments whose last try failed
  let paused = false;
  let missed = 0;

  const fragments = (topic) => [...document.querySelectorAll("[data-topics]")].filter(
    (one) => !topic || one.dataset.topics.split(" ").includes(topic));

  const refetch = (topic) => {
    if (paused) {
      if (topic) missed += 1;
      show();
      return;
    }
    for (const one of fragments(topic)) htmx.trigger(one, "live");
  };

  // --- the stream

  const hear = () => {
    if (!stream) return;
    for (const one of fragments()) {
      for (const topic of one.dataset.topics.split(" ")) {
        if (heard.has(topic)) continue;
        heard.add(topic);
        stream.addEventListener(topic, () => refetch(topic));
      }
    }
  };

  const close = () => {
    stream?.close();
    stream = null;
    heard.clear();
  };

  const open = () => {
    if (stream || document.hidden || !word.dataset.stream) return;
    stream = new EventSource(word.dataset.stream);
    let opened = false;
    stream.addEventListener("open", () => {
      if (opened) refetch(); // whatever was said while the line was down
      opened = true;
    });
    stream.addEventListener("error", () => {
      // Refused (503: no seat left): the browser gives up by itself, so polling goes on alone.
      if (stream?.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, RETRY_STREAM_MS);
      }
    });
    hear();
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    refetch();
    open();
  });
  addEventListener("pagehide", close);
  addEventListener("online", () => refetch());

  // --- how fresh

  const show = () => {
    const seconds = Math.max(0, Math.round((Date.now() - freshAt) / 1000));
    const age = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
    const down = failing.size > 0 || seconds > 3 * EVERY_MS / 1000;
    word.dataset.state = paused ? "paused" : down ? "lost" : "fresh";
    word.textContent = paused
      ? `${word.dataset.paused} ${missed}`
      : (down ? word.dataset.lost : word.dataset.fresh).replace("{}", age);
    if (lost && lost.hidden === (down && !paused)) {
      lost.hidden = !(down && !paused);
      alerts.textContent = lost.hidden ? "" : lost.textContent.trim();
    }
  };

  // One fragment that fails makes the whole screen old, whatever the others say.
  const note = (fragment, well) => {
    if (well) failing.delete(fragment.id); else failing.add(fragment.id);
    for (const id of failing) if (!document.getElementById(id)) failing.delete(id);
    if (!failing.size) freshAt = Date.now();
  };

  const isLive = (event) => event.detail?.ctx?.sourceEvent?.type === "live";

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!isLive(event)) return;
    const etag = etags.get(ctx.sourceElement);
    if (etag) ctx.request.headers["If-None-Match"] = etag;
  });

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (!isLive(event)) return;
    const { status } = ctx.response;
    note(ctx.sourceElement, status < 500);
    if (status === 200) {
      const etag = ctx.response.headers.get("ETag");
      if (etag) etags.set(ctx.sourceElement, etag); else etags.delete(ctx.sourceElement);
    }
    show();
  });

  document.addEventListener("htmx:error", (event) => {
    if (!isLive(event)) return;
    note(event.detail.ctx.sourceElement, false);
    show();
  });

  document.addEventListener("htmx:after:swap", hear);

  // --- nothing moves under the hand

  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("[data-topics] form");
    if (form) form.dataset.edited = "";
  });
  document.addEventListener("submit", (event) => delete event.target.dataset.edited, true);

  // --- pause

  pause?.addEventListener("click", () => {
    paused = !paused;
    missed = 0;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) refetch();
    show();
  });

  setInterval(refetch, EVERY_MS);
  setInterval(show, 1000);
  open();
  show();
})();
