// Asks for the page again when the collector has new records. Without it the pages are the same, but stand still.
"use strict";
(() => {
  const box = document.getElementById("live");
  const state = document.getElementById("state");
  if (!box || !("live" in box.dataset) || !window.EventSource) return;
  let busy = false;
  let again = false;
  const reading = () => document.hidden || String(window.getSelection()) !== "";
  async function refresh() {
    if (busy || reading()) { again = true; return; }
    busy = true;
    again = false;
    try {
      const reply = await fetch(location.href);
      if (reply.ok) {
        const page = new DOMParser().parseFromString(await reply.text(), "text/html");
        const fresh = page.getElementById("live");
        if (fresh) box.replaceChildren(...fresh.childNodes);
      }
    } catch { /* the collector is away; the stream of events says when it is back */ }
    busy = false;
    if (again) setTimeout(refresh, 2000);
  }
  // A browser opens six connections to a collector at most: a page that nobody looks at, or has left, must not hold one.
  let events = null;
  function listen() {
    if (events || document.hidden) return;
    events = new EventSource("/events");
    events.onopen = () => { state.textContent = "live"; state.className = "state on"; };
    events.onmessage = refresh;
    events.onerror = () => { state.textContent = "waiting for the collector"; state.className = "state"; };
  }
  function rest() {
    if (!events) return;
    events.close();
    events = null;
    again = true;
  }
  function back() {
    listen();
    if (again) refresh();
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) rest(); else back(); });
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", back);
  listen();
})();
