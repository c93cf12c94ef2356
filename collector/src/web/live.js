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
  document.addEventListener("visibilitychange", () => { if (again) refresh(); });
  const events = new EventSource("/events");
  events.onopen = () => { state.textContent = "live"; state.className = "state on"; };
  events.onmessage = refresh;
  events.onerror = () => { state.textContent = "waiting for the collector"; state.className = "state"; };
})();
