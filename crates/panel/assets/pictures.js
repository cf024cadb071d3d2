// Live pictures of all sources over one WebSocket, and none while the recorder is paused: what
// is private in the room is not shown on its panel either.

let socket = null;
let asked = false;

const frames = () => new Map([...document.querySelectorAll("figure[data-index]")].map((f) => [Number(f.dataset.index), f.querySelector("img")]));
const covered = () => document.body.dataset.state === "paused";

/** Asks for the next picture once the last is painted: a hidden or slow page asks for nothing. */
function ask() {
  if (asked || covered()) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    if (socket.readyState === WebSocket.OPEN) socket.send("next");
  });
}

/** Tells the pictures that the state has changed. */
export function changed() {
  if (covered()) for (const img of frames().values()) img.removeAttribute("src");
  else if (socket?.readyState === WebSocket.OPEN) ask();
}

export function watch() {
  const shown = frames();
  if (shown.size === 0) return;
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/preview`);
  socket.binaryType = "arraybuffer";
  socket.onopen = ask;
  socket.onmessage = (message) => {
    const img = shown.get(new DataView(message.data).getUint8(0));
    if (!img || covered()) return ask();
    const url = URL.createObjectURL(new Blob([message.data.slice(1)], { type: "image/jpeg" }));
    img.onload = img.onerror = () => { URL.revokeObjectURL(url); ask(); };
    img.src = url;
  };
  socket.onclose = () => setTimeout(watch, 2000);
}
