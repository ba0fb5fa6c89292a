/* The downloads tray: its button says what the list behind it says, and what has ended is said once to screen readers.
   The list itself is htmx's: it asks the server again only while something runs. */

const tray = document.getElementById("tray");
const OVER = ["succeeded", "failed", "cancelled"];
/* What each job was when it was last looked at; null before the first look, when nothing is news. */
let known = null;

function showButton(list) {
  const button = tray.querySelector(".tray-button");
  const bar = button.querySelector("progress");
  const { state, fraction } = list.dataset;
  const summary = list.dataset.summary.trim();
  button.hidden = summary === "";
  button.dataset.state = state;
  button.querySelector(".tray-summary").textContent = summary;
  bar.hidden = state !== "running";
  if (fraction) bar.value = Number(fraction);
  else bar.removeAttribute("value");
  if (button.hidden && tray.querySelector(".tray-panel").matches(":popover-open")) tray.querySelector(".tray-panel").hidePopover();
}

/** Says what ended since the last look; whoever shows models looks again. */
function tellEnded(list) {
  const statuses = new Map();
  const ended = [];
  for (const job of list.querySelectorAll("[data-job]")) {
    const { job: id, status } = job.dataset;
    statuses.set(id, status);
    if (known && OVER.includes(status) && !OVER.includes(known.get(id))) ended.push(job);
  }
  known = statuses;
  if (!ended.length) return;
  const said = document.querySelector(".tray-said");
  if (said) said.textContent = ended.map((job) => job.dataset.said).join(" ");
  htmx.trigger(document.body, "hearth:models");
}

function look() {
  const list = document.getElementById("jobs");
  if (!list?.dataset.state) return;
  if (tray) showButton(list);
  tellEnded(list);
}

document.addEventListener("htmx:afterSettle", (event) => event.target.closest?.("#jobs") && look());
// The rest of the page is not told of the list's own comings and goings: a dialog stays open, a lost connection is not said again and again.
for (const name of ["htmx:afterSwap", "htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  tray?.addEventListener(name, (event) => event.stopPropagation());
}
look();
