/* The API reference: sends the examples with the key that was pasted, shows answers as they come, and writes requests as code.
   The key is read from its field when a request is sent and is kept nowhere else; no cookie goes along. */

import "./copying.js";
import { codeFor } from "./api-code.js";

const LONGEST_ANSWER = 1_000_000;
const page = document.querySelector(".reference");
/** Where the site is mounted on its host; "" at the root. */
const mount = new URL(page.dataset.site).pathname.replace(/\/$/, "");
const keyField = document.getElementById("key");
const running = new WeakMap();

/** Method, address and body of an endpoint as its fields have them now. */
function requestOf(endpoint) {
  let path = endpoint.dataset.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of endpoint.querySelectorAll("[data-parameter]")) {
    const { parameter, place } = field.dataset;
    if (place === "path") path = path.replace(`{${parameter}}`, encodeURIComponent(field.value).replaceAll("%2F", "/").replaceAll("%3A", ":"));
    else if (field.value && place === "query") query.set(parameter, field.value);
    else if (field.value) headers[parameter] = field.value;
  }
  const body = endpoint.querySelector("[data-body]")?.value ?? null;
  return { method: endpoint.dataset.method, path: query.size ? `${path}?${query}` : path, headers, body };
}

async function send(endpoint) {
  const status = endpoint.querySelector("[data-status]");
  const answer = endpoint.querySelector("[data-answer]");
  const key = keyField.value.trim();
  const { method, path, headers, body } = requestOf(endpoint);
  if (!key) {
    status.textContent = status.dataset.noKey;
    keyField.focus();
    return;
  }
  try {
    if (body !== null) JSON.parse(body);
  } catch (error) {
    status.textContent = `${status.dataset.noJson} ${error.message}`;
    return;
  }
  const control = new AbortController();
  running.set(endpoint, control);
  show(endpoint, true);
  answer.hidden = false;
  answer.textContent = "";
  status.textContent = status.dataset.sending;
  const began = performance.now();
  try {
    const init = { method, body, signal: control.signal, credentials: "omit", cache: "no-store" };
    const response = await fetch(mount + path, { ...init, headers: { ...headers, Authorization: `Bearer ${key}`, "Content-Type": "application/json" } });
    const isWhole = await read(response, answer, control);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    status.textContent = `${response.status} ${response.statusText} · ${seconds} s${isWhole ? "" : ` · ${status.dataset.tooLong}`}`;
  } catch (error) {
    status.textContent = error.name === "AbortError" ? status.dataset.stopped : status.dataset.offline;
  } finally {
    running.delete(endpoint);
    show(endpoint, false);
  }
}

/** Appends the answer as it comes; JSON that comes whole is laid out at its end. Whether all of it is shown. */
async function read(response, answer, control) {
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
    text += part.value;
    answer.append(part.value);
    answer.scrollTop = answer.scrollHeight;
    if (text.length > LONGEST_ANSWER) {
      await reader.cancel();
      control.abort();
      return false;
    }
  }
  if (isJson && text) answer.textContent = JSON.stringify(JSON.parse(text), null, 2);
  return true;
}

function show(endpoint, isRunning) {
  const [sendButton, stopButton] = [endpoint.querySelector("[data-send]"), endpoint.querySelector("[data-stop]")];
  const hadFocus = document.activeElement === sendButton || document.activeElement === stopButton;
  sendButton.hidden = isRunning;
  stopButton.hidden = !isRunning;
  if (hadFocus) (isRunning ? stopButton : sendButton).focus();
}

function writeCode(endpoint) {
  const language = endpoint.querySelector("[data-language][aria-pressed=true]").dataset.language;
  document.getElementById(`${endpoint.id}-code`).textContent = codeFor(language, page.dataset.site, requestOf(endpoint));
}

page.addEventListener("submit", (event) => {
  event.preventDefault();
  const endpoint = event.target.closest(".endpoint");
  if (endpoint && !running.has(endpoint)) send(endpoint);
});

page.addEventListener("click", (event) => {
  const endpoint = event.target.closest(".endpoint");
  if (event.target.closest("[data-stop]")) running.get(endpoint)?.abort();
  const choice = event.target.closest("[data-language]");
  if (choice) {
    for (const other of choice.parentElement.querySelectorAll("[data-language]")) other.setAttribute("aria-pressed", String(other === choice));
    writeCode(endpoint);
  }
  const link = event.target.closest("a[href^='#object-']");
  if (link) document.querySelector(link.hash).open = true;
});

page.addEventListener("toggle", (event) => event.target.matches(".as-code") && event.target.open && writeCode(event.target.closest(".endpoint")), true);
page.addEventListener("input", (event) => {
  const endpoint = event.target.closest(".endpoint");
  if (endpoint?.querySelector(".as-code[open]")) writeCode(endpoint);
});
