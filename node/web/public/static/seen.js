// The map of the form without new pages: what else was filled in stays as it is, a chosen picture, too.
{
  const form = document.querySelector("form.tell");
  let sending = false;

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button?.closest("#on-map")) return;
    const fields = new FormData(form, button);
    if (!fields.has(button.name) && !fields.has(`${button.name}.x`)) return; // an older browser sends it itself
    event.preventDefault();
    if (sending) return;
    sending = true;
    fields.delete("picture");
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const map = page.getElementById("on-map");
      if (!map) return;
      document.getElementById("on-map").replaceWith(map);
      (document.getElementById(button.id) ?? document.getElementById("asked")).focus({ preventScroll: true });
    } catch {
      // No line now: the map stays as it was.
    } finally {
      sending = false;
    }
  });
}
