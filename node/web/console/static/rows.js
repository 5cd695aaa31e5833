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
