/* The page's one WebSocket (docs/architecture.md, "The page's socket"). Nothing else knows that there is one.

   A view is an object with `message`, `offset` and `thought` (all read at each attach) and the methods `attached()`, `frame(array)`,
   `status(event)`, `finished(event)` and `lost()`. It stays attached over any number of connections until `detach`. */

const PING_EVERY = 25_000;
const PONG_WITHIN = 8_000;
const LONGEST_WAIT = 20_000;

const views = new Map();
const streams = new Map();
const listeners = new Map();
let socket = null;
let failures = 0;
let nextStream = 1;
let retryTimer = 0;
let pongTimer = 0;

export function attach(view) {
  views.set(view, 0);
  if (isOpen()) announce(view);
}

export function detach(view) {
  if (streams.delete(views.get(view))) send({ type: "generation.detach", stream: views.get(view) });
  views.delete(view);
}

/** Asks for the end of an answer. False when there is no connection to ask on. */
export function stop(message) {
  return send({ type: "generation.stop", message });
}

/** Calls `listener(event)` for each control message of this type that belongs to no view. */
export function on(type, listener) {
  listeners.set(type, listener);
}

export function connect() {
  clearTimeout(retryTimer);
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const url = new URL("ws/", new URL(document.body.dataset.prefix, location.href));
  url.protocol = url.protocol.replace("http", "ws");
  const opened = new WebSocket(url);
  socket = opened;
  opened.onopen = onOpen;
  opened.onmessage = (event) => receive(JSON.parse(event.data));
  opened.onclose = () => opened === socket && onClose();
}

const isOpen = () => socket?.readyState === WebSocket.OPEN;

function send(event) {
  if (isOpen()) socket.send(JSON.stringify(event));
  return isOpen();
}

function announce(view) {
  streams.delete(views.get(view));
  const stream = nextStream++;
  views.set(view, stream);
  streams.set(stream, view);
  view.attached();
  send({ type: "generation.attach", stream, message: view.message, offset: view.offset, thought: view.thought });
}

function onOpen() {
  failures = 0;
  for (const view of views.keys()) announce(view);
}

function onClose() {
  clearTimeout(pongTimer);
  pongTimer = 0;
  streams.clear();
  for (const view of views.keys()) view.lost();
  // Half of the wait is random, so that a restarted server is not met by every page at once.
  const wait = Math.min(LONGEST_WAIT, 500 * 2 ** failures++);
  retryTimer = setTimeout(connect, wait / 2 + (Math.random() * wait) / 2);
}

function receive(event) {
  clearTimeout(pongTimer);
  pongTimer = 0;
  if (Array.isArray(event)) return streams.get(event[0])?.frame(event);
  if (event.type === "session.ended") return location.reload();
  const view = streams.get(event.stream);
  if (event.type === "generation.status") return view?.status(event);
  if (event.type === "generation.finished") return view?.finished(event);
  return listeners.get(event.type)?.(event);
}

/** A link that died while the laptop slept still looks open: only a missing answer shows it. */
function ping() {
  if (!isOpen() || pongTimer) return;
  send({ type: "ping" });
  pongTimer = setTimeout(drop, PONG_WITHIN);
}

function drop() {
  const dead = socket;
  socket = null;
  dead.close();
  onClose();
}

function wake() {
  if (document.visibilityState !== "visible") return;
  if (isOpen()) ping();
  else {
    failures = 0;
    connect();
  }
}

setInterval(ping, PING_EVERY);
document.addEventListener("visibilitychange", wake);
window.addEventListener("online", wake);
window.addEventListener("pageshow", (event) => event.persisted && wake());
