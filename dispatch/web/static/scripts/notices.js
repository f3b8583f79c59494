// Shows what is sent to this browser, also while no screen is open, and opens its link.
//
// A notice that is sent twice replaces itself. Only links to this centre are opened.
"use strict";

const link = (text) => {
  const found = text.match(/https?:\/\/\S+/);
  return found && new URL(found[0]).origin === self.location.origin ? found[0] : "/";
};

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  const { id, text } = event.data.json();
  const [title, ...rest] = text.split(" ");
  event.waitUntil(
    self.registration.showNotification(title, {
      body: rest.join(" "),
      tag: id,
      data: link(text),
      requireInteraction: true,
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data));
});
