// Moves about a draft's table with the keys, and lets its panel be used without a pointer.
//
// One cell at a time can be reached by Tab; arrows, Home and End move between cells. Enter follows
// the cell's link, which brings the panel; there arrows move between choices and Escape leads back.
// Delete and L press the panel's own buttons, so that every gesture is a form that also works
// without this script. A turn can be dragged to another cell: that fills in and sends a form, too.
"use strict";

(() => {
  let wanted = null; // the button that a key asked for before its panel was there
  let opened = null; // the id of the cell that the panel belongs to
  let at = null; // the id of the cell that Tab reaches

  const desk = () => document.getElementById("desk");
  const panel = () => document.getElementById("cell");
  const table = () => desk()?.querySelector("table[data-grid]");
  const cells = (row) => [...row.querySelectorAll("a[data-cell]")];

  const rove = (cell) => {
    if (!table()) return;
    for (const one of table().querySelectorAll("a[data-cell]")) one.tabIndex = -1;
    const found = cell ?? document.getElementById(at ?? "") ?? table().querySelector("a[data-cell]");
    if (!found) return;
    found.tabIndex = 0;
    at = found.id;
  };

  const go = (cell) => {
    if (!cell) return;
    rove(cell);
    cell.focus();
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  const beside = (cell, down, across) => {
    const row = cell.closest("tr");
    const column = cell.closest("td").cellIndex;
    if (across) {
      const all = cells(row);
      return all[all.indexOf(cell) + across];
    }
    const rows = [...table().rows].filter((one) => one.querySelector("a[data-cell]"));
    for (let place = rows.indexOf(row) + down; rows[place]; place += down) {
      const found = rows[place].cells[column]?.querySelector("a[data-cell]");
      if (found) return found;
    }
    return null;
  };

  const moves = {
    ArrowLeft: (cell) => beside(cell, 0, -1),
    ArrowRight: (cell) => beside(cell, 0, 1),
    ArrowUp: (cell) => beside(cell, -1, 0),
    ArrowDown: (cell) => beside(cell, 1, 0),
    Home: (cell) => cells(cell.closest("tr"))[0],
    End: (cell) => cells(cell.closest("tr")).at(-1),
  };

  const open = (cell, button) => {
    wanted = button;
    cell.click();
  };

  const inTable = (event, cell) => {
    if (moves[event.key]) go(moves[event.key](cell));
    else if (event.key === "Delete") open(cell, "remove");
    else if (event.key === "l" || event.key === "L") open(cell, "lock");
    else return;
    event.preventDefault();
  };

  const inPanel = (event) => {
    if (event.key === "Escape") {
      go(document.getElementById(panel().dataset.back ?? at));
      event.preventDefault();
      return;
    }
    if (event.target.matches("input")) return;
    const all = [...panel().querySelectorAll("[data-choice]")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !all.length) return;
    all[Math.max(0, Math.min(all.length - 1, all.indexOf(document.activeElement) + step))].focus();
    event.preventDefault();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = event.target.closest?.("a[data-cell]");
    if (cell) inTable(event, cell);
    else if (panel()?.contains(event.target)) inPanel(event);
  });

  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest?.("a[data-cell]");
    if (cell && cell.id !== at) rove(cell);
  });

  document.addEventListener("click", (event) => {
    const cell = event.target.closest?.("a[data-cell]");
    if (cell) opened = cell.id;
  });

  // --- What came back.

  const shown = () => {
    if (wanted) {
      const found = panel().querySelectorAll(`[data-do="${wanted}"]`);
      wanted = null;
      // With two turns in one cell a key alone does not say which.
      if (found.length === 1) return found[0].click();
    }
    (panel().querySelector("[data-choice]") ?? panel()).focus();
  };

  let target = "";
  document.addEventListener("htmx:before:request", (event) => {
    target = event.detail.ctx.sourceElement.matches("a[data-cell], #cell a") ? "cell" : "desk";
  });

  document.addEventListener("htmx:after:swap", () => {
    if (!table()) return;
    rove();
    for (const cell of table().querySelectorAll("a[data-open]")) cell.removeAttribute("data-open");
    const cell = document.getElementById(opened ?? "");
    if (target === "cell") {
      cell?.setAttribute("data-open", "");
      shown();
    } else if (target === "desk") {
      // Refused: the panel says why and stays; done: back where one was.
      if (panel()?.querySelector(".message, .error")) panel().focus();
      else go(cell);
    }
    target = "";
  });

  // --- Dragging: a turn to somebody else's cell, or to another day.

  const place = (cell) => cell.id.match(/^c-(\d+)-(\d{4}-\d{2}-\d{2})$/);
  let dragged = null;

  const mark = (cell) => {
    for (const one of document.querySelectorAll("a[data-over]")) one.removeAttribute("data-over");
    cell?.setAttribute("data-over", "");
  };

  document.addEventListener("dragstart", (event) => {
    const cell = event.target.closest?.("a[data-cell]");
    // An empty cell has nothing to give, and what is published is not moved by a drag.
    if (cell && !(document.getElementById("move") && place(cell) && cell.querySelector(".turn"))) return event.preventDefault();
    if (!cell) return;
    dragged = cell.id;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", cell.id);
  });
  document.addEventListener("dragover", (event) => {
    const cell = dragged && event.target.closest?.("a[data-cell]");
    if (!cell || !place(cell) || cell.id === dragged) return mark(null);
    event.preventDefault();
    mark(cell);
  });
  document.addEventListener("dragend", () => {
    dragged = null;
    mark(null);
  });
  document.addEventListener("drop", (event) => {
    const cell = dragged && event.target.closest?.("a[data-cell]");
    const form = document.getElementById("move");
    if (!cell || !form || !place(cell) || cell.id === dragged) return;
    event.preventDefault();
    const [, person, day] = place(document.getElementById(dragged));
    const [, to, to_day] = place(cell);
    for (const [name, value] of Object.entries({ person, day, to, to_day })) form.elements[name].value = value;
    opened = cell.id;
    form.requestSubmit();
  });

  rove();
})();
