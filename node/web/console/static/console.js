// What pages cannot do without a script, and what they do well enough without it.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
});
// An open menu closes when the reader goes on elsewhere, or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
// An answer that has not the part which a page asked for takes nothing away: what stands before a node answers for
// it, too. A page that asks by itself says once what went wrong, not every time.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig: asked, serverResponse: answer, target } = event.detail;
  const part = asked.elt.closest("[hx-select]")?.getAttribute("hx-select").slice(1);
  if (target === asked.target) event.detail.shouldSwap &&= !part || answer.includes(`id="${part}"`);
  else event.detail.shouldSwap &&= !(asked.headers["X-By-Itself"] && target.childElementCount);
});
