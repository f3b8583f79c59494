// Enter an incident by keyboard: its number chooses the category, Ctrl+Enter sends.
//
// Leaves the list of who would be called to htmx, and everything else to the form, which works
// without this.
"use strict";

(() => {
  const SECOND_DIGIT_MS = 600;
  const form = document.getElementById("new");
  let typed = "";
  let waiting = null;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return form.requestSubmit(form.querySelector("[name=send]"));
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Digits belong to the fields; only outside of them do they choose.
    if (event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea")) return;
    if (!/^\d$/.test(event.key)) return;
    const numbered = (digits) => form.querySelector(`[data-digit="${digits}"]`);
    typed = numbered(typed + event.key) ? typed + event.key : event.key;
    const choice = numbered(typed);
    if (!choice) return;
    event.preventDefault();
    choice.click();
    clearTimeout(waiting);
    // A second digit may follow: 1 may become 12.
    waiting = setTimeout(() => {
      typed = "";
      document.getElementById("address")?.focus();
    }, SECOND_DIGIT_MS);
  });

  // Quicker than htmx, or brought back by the browser: a category chosen before the list listened
  // would leave the list empty.
  document.addEventListener("htmx:after:init", (event) => {
    if (event.target.querySelector("#who") && form.querySelector("[name=category]:checked")) {
      form.dispatchEvent(new Event("change"));
    }
  });

  document.getElementById("errors")?.focus();
})();
