// Lets a browser be notified: asks its owner, subscribes with our key, hands the subscription to
// the form. Leaves everything else to the form and to notices.js, which shows what comes.
"use strict";

(() => {
  const form = document.querySelector("[data-push-key]");
  if (!form || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  form.hidden = false;
  const trouble = form.querySelector("[data-trouble]");

  const key = () => {
    const text = form.dataset.pushKey.replaceAll("-", "+").replaceAll("_", "/");
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  };

  const subscribed = async () => {
    const worker = await navigator.serviceWorker.register(form.dataset.worker);
    const before = await worker.pushManager.getSubscription();
    // One made with another key takes nothing of ours.
    if (before) await before.unsubscribe();
    return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key() });
  };

  form.addEventListener("submit", async (event) => {
    if (form.elements.subscription.value) return;
    event.preventDefault();
    try {
      form.elements.subscription.value = JSON.stringify(await subscribed());
      form.requestSubmit();
    } catch {
      trouble.hidden = false;
    }
  });
})();
