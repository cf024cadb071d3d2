// Keeps the podium page up to date: parts of it over server-sent events, pictures over one
// WebSocket. Without this script the page still works; it only stands still. It decides nothing:
// every word and every button is rendered by the recorder.

const el = (id) => document.getElementById(id);
const body = document.body;

// ---- The clock ----------------------------------------------------------------------------

const clock = { recorded: 0, running: false, at: 0, offset: 0 };

/** Takes the recorder's figures; its wall clock counts, ours may be wrong. */
function setClock(recorded, running, now) {
  Object.assign(clock, { recorded, running, at: performance.now(), offset: now - Date.now() });
}

function hms(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function tick() {
  setText(el("clock"), hms(clock.recorded + (clock.running ? performance.now() - clock.at : 0)));
  const now = Date.now() + clock.offset;
  for (const node of document.querySelectorAll("[data-since]")) setText(node, hms(now - node.dataset.since));
  for (const node of document.querySelectorAll("[data-until]")) {
    setText(node, `${Math.max(0, Math.ceil((node.dataset.until - now) / 1000))} s`);
  }
}

// ---- Parts of the page ---------------------------------------------------------------------

/** Replaces a part; what was typed, and where the keyboard was, survive. */
function replace(holder, html) {
  const focused = holder.contains(document.activeElement) ? document.activeElement : null;
  const typed = [...holder.querySelectorAll("input[id]")].map((i) => [i.id, i.value, i.selectionStart, i.selectionEnd]);
  holder.innerHTML = html;
  for (const [id, value, from, to] of typed) {
    const input = el(id);
    if (!input) continue;
    input.value = value;
    if (focused?.id === id) input.setSelectionRange(from, to);
  }
  if (focused) (el(focused.id) ?? holder.querySelector("[data-main]") ?? body).focus({ preventScroll: true });
}

function onPage(update) {
  // Another version of the recorder: its page may be another one.
  if (update.version !== body.dataset.version) return location.reload();
  for (const [id, html] of Object.entries(update.parts)) {
    const holder = el(id);
    // A source that this page does not know: the configuration has changed.
    if (!holder) return location.reload();
    replace(holder, html);
  }
  if (body.dataset.state !== update.state) el("notice").hidden = true;
  body.dataset.state = update.state;
  if (document.title !== update.title) document.title = update.title;
  setClock(update.recorded_ms, update.running, update.now_unix_ms);
  tick();
}

// ---- Meters --------------------------------------------------------------------------------

/** -60 dBFS is an empty bar, 0 dBFS a full one. */
const share = (dbfs) => Math.min(1, Math.max(0, (dbfs + 60) / 60)).toFixed(3);
const heard = new Map();

function onLevels(levels) {
  const meter = document.querySelector(`.meter[data-source="${CSS.escape(levels.source)}"]`);
  if (!meter) return;
  meter.querySelector(".rms").style.setProperty("--level-now", share(levels.rms_dbfs));
  meter.querySelector(".peak").style.setProperty("--level-now", share(levels.peak_dbfs));
  heard.set(meter, performance.now());
}

/** A meter that is told nothing falls to nothing: a frozen bar would look like sound. */
function fallSilent() {
  for (const [meter, at] of heard) {
    if (performance.now() - at < 1000) continue;
    for (const bar of meter.children) bar.style.setProperty("--level-now", 0);
    heard.delete(meter);
  }
}

// ---- The stream of news --------------------------------------------------------------------

let lost = 0;

function linked(yes) {
  clearTimeout(lost);
  if (yes) el("link").hidden = true;
  // A restart of the recorder takes a moment; nobody need be told of less than that.
  else lost = setTimeout(() => { el("link").hidden = false; clock.running = false; }, 3000);
}

function listen() {
  const events = new EventSource("/live");
  events.addEventListener("page", (e) => { linked(true); onPage(JSON.parse(e.data)); });
  events.addEventListener("levels", (e) => onLevels(JSON.parse(e.data)));
  events.onerror = () => {
    linked(false);
    // The browser tries again by itself, except after an answer that it did not like.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

// ---- Pictures ------------------------------------------------------------------------------

function watch() {
  const frames = new Map([...document.querySelectorAll("figure[data-index]")].map((f) => [Number(f.dataset.index), f.querySelector("img")]));
  if (frames.size === 0) return;
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/preview`);
  socket.binaryType = "arraybuffer";
  let asked = false;
  // Asked once for each painted frame: a hidden or slow page asks for nothing.
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (socket.readyState === WebSocket.OPEN) socket.send("next");
    });
  };
  socket.onopen = ask;
  socket.onmessage = (message) => {
    const img = frames.get(new DataView(message.data).getUint8(0));
    const url = URL.createObjectURL(new Blob([message.data.slice(1)], { type: "image/jpeg" }));
    const done = () => { URL.revokeObjectURL(url); ask(); };
    if (!img) return done();
    img.onload = img.onerror = done;
    img.src = url;
  };
  socket.onclose = () => setTimeout(watch, 2000);
}

// ---- Buttons -------------------------------------------------------------------------------

function complain(text) {
  el("notice").textContent = text;
  el("notice").hidden = false;
}

let pressed = -Infinity;

async function press(form) {
  // A bounced finger must not press the button that takes this one's place.
  if (performance.now() - pressed < 700) return;
  pressed = performance.now();
  form.classList.add("sent");
  el("notice").hidden = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    if (!answer.ok) complain((await answer.json()).detail);
    else if (form.dataset.command === "start") form.reset();
  } catch {
    complain(el("link").textContent);
  } finally {
    form.classList.remove("sent");
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.target);
});

setClock(Number(el("clock").dataset.recorded), el("clock").dataset.running === "true", Number(el("clock").dataset.now));
tick();
setInterval(tick, 250);
setInterval(fallSilent, 500);
listen();
watch();
