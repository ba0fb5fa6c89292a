/* <message-stream>: an answer that is being written, and the ways to tell the reader something.
   The HTML in frames was sanitised by the server; Markdown is never parsed here. */

import { attach, detach } from "./socket.js";

/** A sentence of the page in the reader's language, with {n} and {total} filled in. */
export function text(name, values = {}) {
  const sentence = document.getElementById("texts").dataset[name] ?? "";
  return sentence.replace(/\{(\w+)\}/g, (_, key) => Number(values[key] ?? 0).toLocaleString(document.documentElement.lang));
}

/** Says something to screen readers only. */
export function announce(sentence) {
  document.getElementById("announcer").textContent = sentence;
}

/** Shows a sentence over the page for a while. */
export function toast(sentence) {
  const note = document.createElement("div");
  note.className = "toast";
  note.textContent = sentence;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet icon-only";
  button.ariaLabel = text("close");
  button.innerHTML = '<span class="icon close" aria-hidden="true"></span>';
  button.onclick = () => note.remove();
  note.append(button);
  document.getElementById("toasts").replaceChildren(note);
  setTimeout(() => note.remove(), 10_000);
}

class MessageStream extends HTMLElement {
  connectedCallback() {
    this.message = this.dataset.message;
    this.offset = Number(this.dataset.offset);
    this.thought = Number(this.dataset.thought);
    this.thinking = this.querySelector(".thinking");
    this.blocks = this.querySelector(".blocks");
    this.openBlock = this.querySelector(".open-block");
    attach(this);
  }

  disconnectedCallback() {
    detach(this);
  }

  attached() {
    this.show("");
    if (this.wasLost) this.say("");
  }

  frame(frame) {
    if (Array.isArray(frame[1])) return this.think(...frame[1]);
    if (frame.length === 4) {
      this.closeBlock(frame[1], this.html.slice(0, frame[2]) + frame[3]);
    } else if (frame.length === 3) {
      this.show(this.html.slice(0, frame[1]) + frame[2]);
    } else {
      this.append(frame[1]);
    }
    if (!this.hasText) this.status({ status: "streaming" });
    this.hasText = true;
  }

  /** `thought` characters of thinking are there with `more`. */
  think(thought, more) {
    this.thought = thought;
    this.thinking.hidden = false;
    this.thinking.querySelector(".thinking-text").append(more);
  }

  closeBlock(offset, html) {
    this.offset = offset;
    this.blocks.insertAdjacentHTML("beforeend", html);
    this.show("");
  }

  show(html) {
    this.html = html;
    this.openBlock.innerHTML = html;
  }

  append(more) {
    const grown = [...this.openBlock.querySelectorAll("pre code, .raw-text")].at(-1) ?? this.openBlock;
    if (grown.lastChild?.nodeType === Node.TEXT_NODE) grown.lastChild.appendData(more);
    else grown.append(more);
  }

  status({ status, position, seconds, completed, total, fraction }) {
    this.dataset.status = status;
    if (status === "streaming") return this.say("", text("answering"));
    if (status === "thinking") return this.say(text("thinking"), text("thinking"));
    if (status === "loading") return this.say(text("loading"), text("loading"), fraction);
    if (status === "prompt") return this.say(text("prompt", { n: completed, total }), "", completed / total);
    if (status !== "queued") return this.say(text("waiting"), text("waiting"));
    const place = position > 0 ? "queued" : "next";
    // The time changes often: it is there to be read, and not said aloud each time.
    return this.say(this.withWait(place, position, seconds), text(place, { n: position }));
  }

  /** The sentence about the place in the queue with the time it will take, where that is known. */
  withWait(place, position, seconds) {
    if (!(seconds > 0)) return text(place, { n: position });
    if (seconds < 100) return text(`${place}Seconds`, { n: position, time: seconds });
    return text(`${place}Minutes`, { n: position, time: Math.round(seconds / 60) });
  }

  /** The status line: a sentence to read, the same or another for screen readers, and how far along (0 to 1) if that is known. */
  say(sentence, spoken = "", fraction = undefined) {
    this.wasLost = false;
    this.querySelector(".status-text").textContent = sentence;
    if (spoken) announce(spoken);
    const progress = this.querySelector("progress");
    progress.hidden = fraction === undefined;
    if (fraction !== undefined) progress.value = fraction;
  }

  lost() {
    this.say(text("reconnecting"), text("reconnecting"));
    this.wasLost = true;
  }

  async finished({ status }) {
    const article = this.closest(".message");
    const { open } = this.thinking;
    await htmx.ajax("GET", this.dataset.url, { source: article, target: article, swap: "outerHTML" });
    document.querySelector(`#${CSS.escape(article.id)} .thinking`)?.toggleAttribute("open", open);
    const answer = document.querySelector(`#${CSS.escape(article.id)} .answer`);
    announce(`${text(status === "complete" ? "finished" : status)} ${answer?.textContent ?? ""}`);
    htmx.trigger(document.body, "hearth:finished");
  }
}

customElements.define("message-stream", MessageStream);
