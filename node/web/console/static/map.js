// The map of a form without new pages: press, drag, arrow keys, plus and minus. All of it is also done by buttons.
{
  const form = () => document.getElementById("place-form");
  let from = null;

  const send = (fields) => {
    const added = Object.entries(fields).map(([name, value]) => {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      form().append(field);
      return field;
    });
    form().requestSubmit();
    for (const field of added) field.remove(); // what is pressed before the answer comes is sent without them
  };
  const map = (event) => event.target.closest?.(".map-board input[type=image]");
  const press = (value) => form().querySelector(`button[value="${value}"]:enabled`)?.click();

  document.addEventListener("pointerdown", (event) => {
    const image = map(event);
    from = image && event.pointerType === "mouse" && event.button === 0 ? event : null;
    if (from) image.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (!from) return;
    const picture = document.querySelector(".map-board .map");
    const scale = picture.viewBox.baseVal.width / picture.clientWidth;
    for (const part of picture.querySelectorAll(":scope > :not(.sea, .middle)")) {
      part.setAttribute("transform", `translate(${(event.clientX - from.clientX) * scale} ${(event.clientY - from.clientY) * scale})`);
    }
  });
  document.addEventListener("click", (event) => {
    const image = map(event);
    const begun = from;
    from = null;
    if (!image) return;
    event.preventDefault();
    const box = image.getBoundingClientRect();
    const right = begun ? event.clientX - begun.clientX : 0;
    const down = begun ? event.clientY - begun.clientY : 0;
    const scale = 480 / box.width;
    if (Math.hypot(right, down) > 5) {
      send({ do: "drag", "drag.x": Math.round(right * scale), "drag.y": Math.round(down * scale) });
    } else if (event.detail === 0) {
      press("pin");
    } else {
      send({ [`${image.name}.x`]: Math.round(event.clientX - box.left), [`${image.name}.y`]: Math.round(event.clientY - box.top) });
    }
  });
  document.addEventListener("dragstart", (event) => { if (map(event)) event.preventDefault(); });
  document.addEventListener("keydown", (event) => {
    const keys = { ArrowLeft: "west", ArrowRight: "east", ArrowUp: "north", ArrowDown: "south", "+": "closer", "=": "closer", "-": "farther" };
    if (!map(event) || !(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    press(keys[event.key]);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-resend]")) send({ do: "look" });
  });
  document.addEventListener("htmx:afterSettle", () => {
    document.getElementById("said").textContent = document.getElementById("where")?.textContent ?? "";
  });
}
