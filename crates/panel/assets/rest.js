// Dims the page when nobody has touched it for a while during a lecture: a bright panel draws the
// eyes of a dark room. The first touch on a dimmed panel only wakes it.

const AFTER_MS = 120_000;

const body = document.body;
let timer = 0;
let swallow = false;

/** Wakes the page and begins to wait anew. */
export function wake() {
  body.classList.remove("dimmed");
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (body.dataset.state === "recording") body.classList.add("dimmed");
  }, AFTER_MS);
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** A press begins: on a dimmed page, it and the click that follows it do nothing else. */
function begin(event) {
  swallow = body.classList.contains("dimmed");
  wake();
  if (swallow) stop(event);
}

/** The rest of a press. */
function follow(event) {
  if (swallow) stop(event);
  if (event.type === "click" || event.type === "keyup") swallow = false;
}

for (const type of ["pointerdown", "keydown"]) addEventListener(type, begin, { capture: true });
for (const type of ["pointerup", "mousedown", "mouseup", "touchend", "click", "keyup"]) addEventListener(type, follow, { capture: true, passive: false });
addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && !swallow) wake(); }, { capture: true });
wake();
