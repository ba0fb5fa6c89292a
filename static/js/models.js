/* The models pages: the keep-alive countdown, states that stay fresh, selecting, the dialog, and a sentence for each failed request. */

import "./copying.js";

const SECONDS_BETWEEN_LOOKS = 5;
const dialog = document.getElementById("dialog");
const failure = document.getElementById("failure");

/** 4:32, or 1:04:32: as the server writes it. */
function clock(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}

/** Counts down from `seconds` by this browser's own clock, so that clocks that disagree do not matter. */
class KeepAlive extends HTMLElement {
  connectedCallback() {
    this.ends = performance.now() + Number(this.getAttribute("seconds")) * 1000;
    this.timer = setInterval(() => this.show(), 1000);
    this.show();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  show() {
    const left = Math.max(0, Math.round((this.ends - performance.now()) / 1000));
    this.querySelector("[data-clock]").textContent = clock(left);
    if (left > 0) return;
    clearInterval(this.timer);
    refresh();
  }
}
customElements.define("keep-alive", KeepAlive);

/* States */

let lastLook = performance.now();

function refresh() {
  lastLook = performance.now();
  htmx.trigger("#model-states", "models:refresh");
}

setInterval(() => {
  if (document.visibilityState !== "visible" || !document.querySelector(".state")) return;
  const patience = document.querySelector(".state[data-loading]") ? 0 : SECONDS_BETWEEN_LOOKS * 1000;
  if (performance.now() - lastLook >= patience) refresh();
}, 1000);

/* Selecting */

function boxes() {
  return [...document.querySelectorAll("input[name=name][form=selection]")];
}

function showSelection() {
  const [all, button] = [document.getElementById("select-all"), document.querySelector(".delete-selected")];
  if (!all) return;
  const selected = boxes().filter((box) => box.checked).length;
  all.checked = selected > 0 && selected === boxes().length;
  all.indeterminate = selected > 0 && !all.checked;
  button.disabled = selected === 0;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.form?.id === "selection") showSelection();
});
document.addEventListener("htmx:afterSettle", showSelection);
showSelection();

/* Dialog */

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (button?.matches("dialog [data-close-dialog]")) {
    event.preventDefault();
    dialog.close();
  }
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === dialog) dialog.showModal();
});

/* Requests that fail; the looks of the page itself fail quietly, it looks again. */

function tell(event, name) {
  if (event.detail.elt?.id !== "model-states") failure.textContent = failure.dataset[name] ?? "";
}

document.addEventListener("htmx:beforeRequest", (event) => tell(event, "nothing"));
for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, (event) => tell(event, "offline"));
document.addEventListener("htmx:responseError", (event) => tell(event, "refused"));
