// What the pages of photographs do well enough without a script: dropping files, and drawing what is cut off.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-drop]").forEach(takeDropped);
  document.querySelectorAll("[data-cut]").forEach(drawCut);
});

// Photographs that are dropped are chosen as if by the button; what is chosen is named, and its size looked at.
function takeDropped(place) {
  const input = place.querySelector("input[type=file]");
  const chosen = document.createElement("p");
  chosen.className = "hint";
  chosen.setAttribute("role", "status");
  chosen.textContent = place.dataset.words;
  place.append(chosen);
  const say = () => {
    const files = [...input.files];
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    const tooLarge = bytes > Number(place.dataset.drop);
    place.classList.toggle("wrong", tooLarge);
    const names = files.map((file) => file.name).join(", ");
    chosen.textContent = tooLarge ? place.dataset.tooLarge : names || place.dataset.words;
  };
  input.addEventListener("change", say);
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.toggle("over", name === "dragenter" || name === "dragover");
    });
  }
  place.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    say();
  });
}

// The four numbers of a cut as a frame in the picture, which can be drawn.
function drawCut(place) {
  const sides = ["left", "top", "right", "bottom"].map((name) => document.getElementById(name));
  const frame = document.createElement("div");
  frame.className = "frame";
  place.append(frame);
  for (const words of document.querySelectorAll("[data-cut-words]")) words.hidden = false;
  const show = () => {
    for (const side of sides) frame.style[side.id] = `${Math.min(95, Math.max(0, Number(side.value) || 0))}%`;
  };
  let from = null;
  const at = (event) => {
    const box = place.getBoundingClientRect();
    const share = (value, size) => Math.min(100, Math.max(0, Math.round((value / size) * 100)));
    return [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
  };
  const draw = (event) => {
    const to = at(event);
    if (Math.abs(to[0] - from[0]) < 5 || Math.abs(to[1] - from[1]) < 5) return;
    for (const axis of [0, 1]) {
      sides[axis].value = Math.min(from[axis], to[axis]);
      sides[axis + 2].value = 100 - Math.max(from[axis], to[axis]);
    }
    show();
  };
  place.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    from = at(event);
    place.setPointerCapture(event.pointerId);
  });
  place.addEventListener("pointermove", (event) => from && draw(event));
  place.addEventListener("pointerup", () => { from = null; });
  for (const side of sides) side.addEventListener("input", show);
  show();
}
