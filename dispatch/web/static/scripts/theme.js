// Light or dark, before the first paint; and the mark that scripts run.
//
// "auto" follows the system; at night it is dark even where the system says nothing, because the
// console is read in dark rooms. The choice stays in this browser. Without this script the
// stylesheets follow the system.
"use strict";

(() => {
  const root = document.documentElement;
  const key = "dispatch.theme";
  const stored = () => { try { return localStorage.getItem(key) || "auto"; } catch { return "auto"; } };

  const apply = () => {
    const choice = stored();
    const hour = new Date().getHours();
    const dark = matchMedia("(prefers-color-scheme: dark)").matches || hour >= 21 || hour < 7;
    root.dataset.theme = choice === "auto" ? (dark ? "dark" : "light") : choice;
  };

  root.classList.add("scripted");
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  setInterval(apply, 60_000);

  document.addEventListener("DOMContentLoaded", () => {
    const picker = document.querySelector("[data-theme-switch]");
    if (!picker) return;
    picker.value = stored();
    picker.addEventListener("change", () => {
      try { localStorage.setItem(key, picker.value); } catch { /* then it lasts for this screen */ }
      root.dataset.theme = picker.value;
      if (picker.value === "auto") apply();
    });
  });
})();
