/* The pages of API keys: copying, the dialogs that edit and revoke, and a sentence for each failed request. */

import "./copying.js";

const dialog = document.getElementById("dialog");
const failure = document.getElementById("failure");

document.addEventListener("click", (event) => {
  if (!event.target.closest("dialog [data-close-dialog]")) return;
  event.preventDefault();
  dialog.close();
});

/** A new key is above the form that made it: it is shown, and read out, at once. */
function showCreated() {
  document.querySelector("[data-created]")?.focus();
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === dialog) {
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[aria-invalid=true]")?.focus();
  } else if (event.detail.target.id === "keys") document.querySelector("#keys [aria-invalid=true]")?.focus();
});
document.addEventListener("htmx:afterSettle", (event) => event.target.id === "keys" && showCreated());
showCreated();

document.addEventListener("htmx:beforeRequest", () => (failure.textContent = ""));
for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => (failure.textContent = failure.dataset.offline));
document.addEventListener("htmx:responseError", () => (failure.textContent = failure.dataset.refused));
