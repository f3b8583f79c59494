// Enter an incident by keyboard: a digit chooses the category, Ctrl+Enter sends.
//
// Leaves the list of who would be called to htmx, and everything else to the form, which works
// without this.
"use strict";

(() => {
  const form = document.getElementById("new");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return form.requestSubmit(form.querySelector("[name=send]"));
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Digits belong to the fields; only outside of them do they choose.
    if (event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea")) return;
    const choice = form.querySelector(`[data-digit="${CSS.escape(event.key)}"]`);
    if (!choice) return;
    event.preventDefault();
    choice.click();
    document.getElementById("address")?.focus();
  });

  document.getElementById("errors")?.focus();
})();
