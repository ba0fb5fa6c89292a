/* The composer: Enter sends, the field grows, suggestions fill it, Stop ends the answer. The form itself is htmx's and works without any of this.
   <message-scroller>: keeps the newest text in view above the composer, unless the reader went up. */

import { stop } from "./socket.js";

const NEAR = 64;

let sent = "";

export const field = () => document.getElementById("content");

/** Ends every answer that is being written on this page; true if there was one. */
export function stopAnswers() {
  const streams = [...document.querySelectorAll("message-stream")];
  for (const stream of streams) {
    if (!stop(stream.dataset.message)) postStop(stream);
  }
  return streams.length > 0;
}

function postStop(stream) {
  const csrfmiddlewaretoken = document.querySelector("#composer [name=csrfmiddlewaretoken]").value;
  htmx.ajax("POST", `${stream.dataset.url}stop/`, { source: stream, values: { csrfmiddlewaretoken }, swap: "none" });
}

/** The key that ends an IME composition is reported as Enter: Safari only tells by keyCode 229. */
const isComposing = (event) => event.isComposing || event.keyCode === 229;

function onKeydown(event) {
  if (event.target !== field() || event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
  event.preventDefault();
  const button = document.querySelector("#composer .send");
  if (event.target.value.trim() && !button.disabled && button.checkVisibility()) event.target.form.requestSubmit();
}

function grow(area) {
  if (!area || CSS.supports("field-sizing", "content")) return;
  area.style.blockSize = "auto";
  area.style.blockSize = `${area.scrollHeight}px`;
}

function fill(value) {
  const area = field();
  area.value = value;
  area.focus();
  area.setSelectionRange(value.length, value.length);
  grow(area);
}

function onClick(event) {
  const suggestion = event.target.closest("[data-fill]");
  if (suggestion) fill(suggestion.dataset.fill);
  if (event.target.closest("[data-stop]")) stopAnswers();
  if (event.target.closest("[data-to-latest]")) document.getElementById("scroller").toLatest();
}

function onBeforeRequest(event) {
  if (event.detail.elt.id !== "composer") return;
  sent = field().value;
  document.getElementById("composer-error").replaceChildren();
}

/** The text goes once the server has taken it, and not what was typed meanwhile. */
function onBeforeSwap(event) {
  if (event.detail.requestConfig?.elt.id !== "composer" || event.detail.xhr.status >= 300) return;
  const typed = field().value;
  const rest = typed.startsWith(sent) ? typed.slice(sent.length) : typed;
  document.addEventListener("htmx:afterSettle", () => fill(rest.trimStart()), { once: true });
  field().value = "";
  document.getElementById("scroller").toLatest();
}

class MessageScroller extends HTMLElement {
  connectedCallback() {
    this.observer = new ResizeObserver(() => (this.isPinned ? this.toLatest() : this.onScroll()));
    for (const element of [this, ...this.children]) this.observer.observe(element);
    this.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.addEventListener("htmx:beforeSwap", (event) => this.keepPlace(event.target));
    if (this.closest(".is-empty")) this.lastTop = 0;
    else this.toLatest();
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  get below() {
    return this.scrollHeight - this.clientHeight - this.scrollTop;
  }

  toLatest() {
    this.isPinned = true;
    this.scrollTop = this.scrollHeight;
    this.onScroll();
  }

  onScroll() {
    // Growing content alone never unpins: only a movement upwards does.
    if (this.below < NEAR) this.isPinned = true;
    else if (this.scrollTop < this.lastTop) this.isPinned = false;
    this.lastTop = this.scrollTop;
    this.parentElement.querySelector("[data-to-latest]").hidden = this.below < this.clientHeight / 2;
  }

  /** Older messages come in above: the reader stays at the same line. (Browsers do not anchor at the very top, nor all of them elsewhere.) */
  keepPlace(target) {
    if (!target.matches(".older")) return;
    const below = this.below;
    this.style.overflowAnchor = "none";
    this.addEventListener("htmx:afterSettle", () => {
      this.scrollTop = this.scrollHeight - this.clientHeight - below;
      this.lastTop = this.scrollTop;
      requestAnimationFrame(() => (this.style.overflowAnchor = ""));
    }, { once: true });
  }
}

customElements.define("message-scroller", MessageScroller);
document.addEventListener("keydown", onKeydown);
document.addEventListener("input", (event) => event.target === field() && grow(event.target));
document.addEventListener("click", onClick);
document.addEventListener("htmx:beforeRequest", onBeforeRequest);
document.addEventListener("htmx:beforeSwap", onBeforeSwap);
grow(field());
