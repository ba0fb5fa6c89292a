/* Uploads model files piece by piece. What has arrived stays on the server, so the same file chosen again goes on where it stopped. */

import { fill, measure, request, size } from "./upload-request.js";

const form = document.getElementById("upload-form");
const list = document.getElementById("uploads");
const texts = document.getElementById("upload-texts")?.dataset;
const PIECE = Number(form?.dataset.pieceBytes);
const LONGEST_PAUSE = 30_000;
const uploads = new Set();

class Upload {
  constructor(file, digest) {
    Object.assign(this, { file, digest, offset: 0, isPaused: false, samples: [] });
    this.row = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    this.part(".upload-name").textContent = file.name;
    list.prepend(this.row);
    this.listen();
  }

  part(selector) {
    return this.row.querySelector(selector);
  }

  listen() {
    this.part("[data-pause]").onclick = () => this.togglePause();
    this.part("[data-discard]").onclick = (event) => (event.preventDefault(), this.discard());
    this.part("form").onsubmit = (event) => (event.preventDefault(), this.isComplete && this.finish());
  }

  fail(sentence) {
    uploads.delete(this);
    this.part(".upload-error").textContent = sentence;
    this.part("[data-pause]").hidden = true;
    this.part(".upload-facts").textContent = "";
    if (!this.url) this.part("progress").hidden = this.part("form").hidden = this.part("[data-discard]").hidden = true;
  }

  async start() {
    if ((await this.file.slice(0, 4).text()) !== "GGUF") return this.fail(texts.magic);
    uploads.add(this);
    const body = new URLSearchParams({ name: this.file.name, size: this.file.size, digest: this.digest });
    const [status, answer] = await this.insist(() => request("POST", form.action, body));
    if (status !== 201) return this.fail(answer.error ?? texts.failed);
    Object.assign(this, { id: answer.id, url: answer.url, offset: answer.offset });
    list.querySelector(`[data-upload="${answer.id}"]`)?.remove();
    this.row.dataset.upload = answer.id;
    this.part("[name=model]").value ||= answer.model;
    this.part("[data-pause]").hidden = false;
    await this.send();
  }

  /** Tries again, with longer and longer pauses, while nothing answers. */
  async insist(attempt) {
    for (let pause = 1000; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const [status, answer] = await attempt();
      if (this.isPaused || !(status === 0 || status === 424 || status >= 502)) return [status, answer];
      this.show(texts.lost);
      await new Promise((resolve) => (setTimeout(resolve, pause), addEventListener("online", resolve, { once: true })));
      if (this.isPaused) return [0, {}];
    }
  }

  async send() {
    this.samples = [];
    while (this.offset < this.file.size && !this.isPaused) {
      const [status, answer] = await this.insist(() => this.sendPiece());
      if (this.isPaused || this.isGone) return;
      if (status !== 200 && status !== 409) return this.fail(answer.error ?? texts.failed);
      this.offset = answer.offset;
      this.show(texts.uploading);
    }
    if (this.isPaused) return;
    this.isComplete = this.part("[data-pause]").hidden = true;
    this.show(texts.complete);
    await this.finish();
  }

  sendPiece() {
    this.stopper = new AbortController();
    const offset = this.offset;
    const piece = this.file.slice(offset, offset + PIECE);
    const headers = { "Upload-Offset": offset, "Content-Type": "application/octet-stream" };
    return request("PATCH", this.url, piece, headers, (sent) => this.show(texts.uploading, offset + sent), this.stopper.signal);
  }

  /** `done` bytes have left. */
  show(sentence, done = this.offset) {
    const { speed, minutes } = measure(this.samples, done, this.file.size);
    const values = { done: size(done), total: size(this.file.size), speed: size(speed), minutes };
    const left = sentence === texts.uploading && minutes > 1 ? ` · ${fill(texts.left, values)}` : "";
    this.part(".upload-facts").textContent = fill(sentence, values) + left;
    this.part("progress").value = done / this.file.size;
  }

  togglePause() {
    this.isPaused = !this.isPaused;
    this.part("[data-pause]").textContent = this.isPaused ? texts.resume : texts.pause;
    this.stopper?.abort();
    if (this.isPaused) this.show(texts.paused);
    else this.resume();
  }

  async resume() {
    const [status, answer] = await this.insist(() => request("GET", this.url));
    if (this.isPaused) return;
    if (status !== 200) return this.fail(answer.error ?? texts.failed);
    this.offset = answer.offset;
    await this.send();
  }

  async finish() {
    const body = new URLSearchParams({ model: this.part("[name=model]").value });
    const [status, answer] = await this.insist(() => request("POST", `${this.url}finish/`, body));
    uploads.delete(this);
    this.part(".upload-error").textContent = status < 300 ? "" : (answer.error ?? texts.failed);
    this.part("form button").hidden = status < 300;
    if (status >= 300) return;
    this.part(".upload-facts").textContent = texts.added;
    this.part("form").hidden = this.part("[data-discard]").hidden = true;
    htmx.trigger(document.body, "hearth:jobs");
  }

  async discard() {
    if (!confirm(texts.question)) return;
    Object.assign(this, { isPaused: true, isGone: true });
    this.stopper?.abort();
    uploads.delete(this);
    if (this.url) await request("POST", `${this.url}discard/`, new URLSearchParams());
    this.row.remove();
  }
}

function take(files) {
  const digest = document.getElementById("upload-digest");
  for (const file of files) {
    new Upload(file, digest.value).start();
    digest.value = "";
  }
}

if (form) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("[type=file]").addEventListener("change", (event) => (take(event.target.files), (event.target.value = "")));
  for (const name of ["dragover", "dragleave", "drop"]) {
    form.addEventListener(name, (event) => (event.preventDefault(), form.classList.toggle("is-over", name === "dragover")));
  }
  form.addEventListener("drop", (event) => take(event.dataTransfer.files));
  addEventListener("beforeunload", (event) => uploads.size && event.preventDefault());
}
