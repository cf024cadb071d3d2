// Keeps the podium page up to date: parts of it over server-sent events, pictures over one
// WebSocket. Without this script the page still works; it only stands still. It decides nothing:
// every word and every button is rendered by the recorder.

import { changed, watch } from "./pictures.js";
import { wake } from "./rest.js";

const el = (id) => document.getElementById(id);
const body = document.body;

// ---- The clock ----------------------------------------------------------------------------

const clock = { recorded: 0, running: false, until: null, at: 0, offset: 0 };

/** Takes the recorder's figures; its wall clock counts, ours may be wrong. */
function setClock(recorded, running, until, now) {
  Object.assign(clock, { recorded, running, until, at: performance.now(), offset: now - Date.now() });
}

function hms(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** What the clock shows: how long was recorded, or how long it is until the lecture begins. */
function clockText(now) {
  if (clock.until === null) return hms(clock.recorded + (clock.running ? performance.now() - clock.at : 0));
  const s = Math.max(0, Math.ceil((clock.until - now) / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function tick() {
  const now = Date.now() + clock.offset;
  setText(el("clock"), clockText(now));
  for (const node of document.querySelectorAll("[data-from]")) {
    if (node.hidden !== now < node.dataset.from) node.hidden = now < node.dataset.from;
  }
  for (const node of document.querySelectorAll("[data-since]")) setText(node, hms(now - node.dataset.since));
  for (const node of document.querySelectorAll("[data-until]")) {
    setText(node, String(Math.max(0, Math.ceil((node.dataset.until - now) / 1000))));
  }
}

// ---- Parts of the page ---------------------------------------------------------------------

/** What nobody has touched may be filled in anew by the recorder. */
function changedByHand(input) {
  if (input === document.activeElement) return true;
  return input.options ? [...input.options].some((o) => o.selected !== o.defaultSelected) : input.value !== input.defaultValue;
}

/** Replaces a part; what was typed, and where the keyboard was, survive. */
function replace(holder, html) {
  const focused = holder.contains(document.activeElement) ? document.activeElement : null;
  const typed = [...holder.querySelectorAll("input[id], select[id]")].filter(changedByHand).map((i) => [i.id, i.value, i.selectionStart, i.selectionEnd]);
  holder.innerHTML = html;
  for (const [id, value, from, to] of typed) {
    const input = el(id);
    if (!input) continue;
    input.value = value;
    if (focused?.id === id && from !== undefined) input.setSelectionRange(from, to);
  }
  if (focused) (el(focused.id) ?? document.querySelector("[data-main]") ?? body).focus({ preventScroll: true });
}

/** Another page; a press under way would be lost with this one. */
function reload() {
  if (underWay.size > 0) setTimeout(reload, 250);
  else location.reload();
}

function onPage(update) {
  // Another version of the recorder: its page may be another one.
  if (update.version !== body.dataset.version) return reload();
  for (const [id, html] of Object.entries(update.parts)) {
    const holder = el(id);
    // A source that this page does not know: the configuration has changed.
    if (!holder) return reload();
    replace(holder, html);
  }
  const another = body.dataset.state !== update.state;
  body.dataset.state = update.state;
  if (another) {
    el("notice").hidden = true;
    wake();
    changed();
  }
  if (document.title !== update.title) document.title = update.title;
  setClock(update.recorded_ms, update.running, update.counts_to_unix_ms, update.now_unix_ms);
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

/** Leads to where one signs in when the session has ended. */
async function signedIn() {
  const answer = await fetch("/api/v1/status").catch(() => null);
  if (answer?.status === 401) location.assign("/sign-in");
}

function listen() {
  const events = new EventSource(`/live${location.search}`);
  events.addEventListener("page", (e) => { linked(true); onPage(JSON.parse(e.data)); });
  events.addEventListener("levels", (e) => onLevels(JSON.parse(e.data)));
  events.onerror = () => {
    linked(false);
    // The browser tries again by itself, except after an answer that it did not like.
    if (events.readyState === EventSource.CLOSED) { setTimeout(listen, 2000); signedIn(); }
  };
}

// ---- Buttons -------------------------------------------------------------------------------

function complain(text) {
  el("notice").textContent = text;
  el("notice").hidden = false;
}

let saying = 0;

/** Says for a while what a press did. */
function say(text) {
  el("said").textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { el("said").textContent = ""; }, 5000);
}

let pressed = -Infinity;
/** Where the presses go that are not answered yet. */
const underWay = new Set();

// A recorder that takes over new settings or a new version, and its sources after that, are away
// for a second or two. A press meanwhile is sent again, if it surely did nothing.
const BACK_MS = 8000;
// The recorder answers within fifteen seconds; whoever waits longer waits for nobody.
const ANSWER_MS = 20000;
/** Asks once; an old browser that knows no time limit waits as long as it likes. */
const ask = (url, request) => fetch(url, { ...request, signal: AbortSignal.timeout?.(ANSWER_MS) });
const aMoment = () => new Promise((over) => setTimeout(over, 250));

/** Whether the recorder, as soon as it can be asked, says that no lecture is under way. */
async function nothingBegan(until) {
  while (performance.now() < until) {
    const answer = await ask("/api/v1/status").catch(() => null);
    if (answer?.ok) return !(await answer.json()).lecture;
    if (answer?.status === 401) return false;
    await aMoment();
  }
  return false;
}

/** Sends a press until it is answered for good; `begins`: it makes a lecture of a ready room. */
async function send(action, request, begins) {
  const until = performance.now() + BACK_MS;
  for (;;) {
    try {
      const answer = await ask(action, request);
      // The recorder did nothing of it, and will be able to in a moment.
      if (!answer.headers.has("Retry-After") || performance.now() > until) return answer;
      await aMoment();
    } catch (error) {
      // Refused or broken off, a page cannot tell: only what can be seen not to be is sent again.
      if (!begins || !(await nothingBegan(until))) throw error;
    }
  }
}

async function press(form) {
  const action = form.action;
  // It is being sent again already; the button may be another one by now, of a page part that came anew.
  if (underWay.has(action)) return;
  // A bounced finger must not press the button that takes this one's place.
  if (performance.now() - pressed < 700) return;
  pressed = performance.now();
  form.classList.add("sent");
  el("notice").hidden = true;
  const at = el("clock").textContent;
  const begins = ["start", "begin"].includes(form.dataset.command) && ["ready", "fault"].includes(body.dataset.state);
  underWay.add(action);
  try {
    const answer = await send(action, {
      method: "POST",
      headers: { Accept: "application/json", "Accept-Language": document.documentElement.lang },
      body: new URLSearchParams(new FormData(form)),
    }, begins);
    if (answer.status === 401) location.assign("/sign-in");
    else if (!answer.ok) complain((await answer.json()).detail);
    else if (form.dataset.then) location.assign(form.dataset.then);
    else if (form.dataset.said) say(form.dataset.said.replace("%", at));
  } catch {
    complain(el("link").textContent);
  } finally {
    form.classList.remove("sent");
    underWay.delete(action);
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.target);
});

const first = el("clock").dataset;
setClock(Number(first.recorded), first.running === "true", first.countsTo ? Number(first.countsTo) : null, Number(first.now));
tick();
setInterval(tick, 250);
setInterval(fallSilent, 500);
listen();
watch();
