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
// While a row is added to a case or taken out, its form waits: the answer brings the form anew, and what was
// typed meanwhile would be gone with the old one. One goes on in the new row.
{
  let waiting = null;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target.id !== "entry") return;
    waiting = event.detail.target;
    waiting.querySelector("form").inert = true;
    const wait = document.getElementById("wait");
    wait.textContent = wait.dataset.says;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!waiting?.isConnected || event.detail.requestConfig.target !== waiting) return;
    waiting.querySelector("form").inert = false;
    event.detail.elt.focus();
    const wait = document.getElementById("wait");
    const said = event.detail.xhr.getResponseHeader("HX-Retarget"); // somewhere else on the page
    wait.textContent = said ? "" : wait.dataset.failed;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const { elt: pressed, target } = event.detail.requestConfig;
    if (!waiting || target !== waiting || waiting.isConnected) return;
    document.getElementById("wait").textContent = "";
    const rows = document.getElementById(pressed.name === "add" ? pressed.value : pressed.value.replace(/-\d+$/, ""));
    const field = rows.querySelector(":scope > .row:nth-last-child(1 of .row) :is(input:not([type=hidden]), select, textarea)");
    (pressed.name === "add" ? field : rows).focus();
  });
}
