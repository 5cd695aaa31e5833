// The map of the form without new pages: what else was filled in stays as it is, a chosen picture, too.
{
  const form = document.querySelector("form.tell");
  let sending = false;
  let pressed = { x: 0, y: 0 }; // by a keyboard: the server takes it for the middle

  form.addEventListener("click", (event) => {
    const [x, y] = event.detail ? [event.offsetX, event.offsetY] : [0, 0];
    if (event.target.type === "image") pressed = { x: Math.round(x), y: Math.round(y) };
  });

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button?.closest("#on-map")) return;
    event.preventDefault();
    if (sending) return;
    sending = true;
    const fields = new FormData(form);
    fields.delete("picture");
    if (button.type === "image") {
      fields.set(`${button.name}.x`, pressed.x);
      fields.set(`${button.name}.y`, pressed.y);
      fields.set("do", "look");
    } else {
      fields.set("do", button.value);
    }
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
