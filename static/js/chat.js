/* Entry of the chat page: drawer, dialogs, renaming, copying, remote images, keyboard shortcuts, and a sentence for each failed request. */

import { field, stopAnswers } from "./composer.js";
import { announce, text, toast } from "./message-stream.js";
import { connect, on } from "./socket.js";

const sidebar = document.getElementById("sidebar");
const dialog = document.getElementById("dialog");

/* Sidebar: which conversation is shown, its title, the drawer on small screens. */

function markCurrent() {
  for (const link of sidebar.querySelectorAll(".entry-link")) {
    if (link.pathname !== location.pathname) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.ariaCurrent = "page";
    document.querySelector(".topbar-title").textContent = link.textContent;
    document.title = `${link.textContent} · Hearth`;
  }
}

function closeDrawer() {
  if (sidebar.matches(":popover-open")) sidebar.hidePopover();
}

/** Behind the open drawer nothing can be reached; what had the focus gets it back, so the page must be reachable by then. */
function onDrawer(event) {
  const frame = document.getElementById("frame");
  if (event.newState === "closed") frame.inert = false;
  else if (event.type === "toggle") {
    frame.inert = true;
    sidebar.querySelector(".drawer-closer").focus();
  }
}

function startRename(button) {
  const entry = button.closest(".entry");
  const form = document.getElementById("rename-form").content.firstElementChild.cloneNode(true);
  const [menu, link] = [button.closest("[popover]"), entry.querySelector(".entry-link")];
  menu.hidePopover();
  form.action = button.dataset.rename;
  form.setAttribute("hx-post", button.dataset.rename);
  form.title.value = link.textContent;
  form.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && (form.remove(), link.focus()));
  form.addEventListener("focusout", (event) => event.relatedTarget && !form.contains(event.relatedTarget) && form.remove());
  const arrive = () => form.isConnected || sidebar.querySelector(`.entry-link[href="${link.pathname}"]`)?.focus();
  form.addEventListener("htmx:beforeRequest", () => document.addEventListener("htmx:afterSettle", arrive, { once: true }));
  entry.append(form);
  htmx.process(form);
  form.title.select();
}

/* Copying: the clipboard interface only exists on https and localhost, the old command everywhere. */

async function copyText(value) {
  if (navigator.clipboard) return navigator.clipboard.writeText(value).then(() => true, () => false);
  const area = document.createElement("textarea");
  area.value = value;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** Copies what is shown, as rich text, so that lists and tables survive in a word processor. */
function copyShown(element) {
  const selection = getSelection();
  selection.selectAllChildren(element);
  const done = document.execCommand("copy");
  selection.removeAllRanges();
  return done;
}

function tellCopied(button, done) {
  if (!done) return toast(text("notCopied"));
  announce(text("copied"));
  button.classList.add("is-copied");
  setTimeout(() => button.classList.remove("is-copied"), 2000);
}

/** The reader asked for this picture, so its host may learn of the reader. */
function loadImage(button) {
  const image = new Image();
  image.referrerPolicy = "no-referrer";
  image.alt = button.dataset.alt;
  image.src = button.dataset.src;
  button.replaceWith(image);
}

async function onClick(event) {
  const button = event.target.closest("button, a");
  if (!button) return;
  if (button.matches("figure.code .copy")) tellCopied(button, await copyText(button.closest("figure").querySelector("code").textContent));
  else if (button.matches("[data-copy-answer]")) tellCopied(button, copyShown(button.closest(".message").querySelector(".answer")));
  else if (button.matches(".remote-image")) loadImage(button);
  else if (button.matches("[data-rename]")) startRename(button);
  else if (button.matches("dialog [data-close-dialog]")) {
    event.preventDefault();
    dialog.close();
  }
}

function onKeydown(event) {
  if (event.isComposing || dialog.open) return;
  if (event.key === "Escape" && event.shiftKey) field()?.focus();
  else if (event.key === "Escape" && !document.querySelector(":popover-open") && !event.target.closest(".rename-form")) stopAnswers();
  else if (event.code === "KeyO" && event.shiftKey && (event.ctrlKey || event.metaKey)) document.querySelector("[data-new-conversation]").click();
  else return;
  event.preventDefault();
}

/* htmx */

const SENTENCES = { 401: "forbidden", 403: "forbidden", 404: "missing", 429: "tooMany" };

function onBeforeSwap(event) {
  const landed = new URL(event.detail.xhr.responseURL, location).pathname;
  if (!landed.startsWith(`${document.body.dataset.prefix}accounts/`)) return;
  event.detail.shouldSwap = false;
  toast(text("forbidden"));
}

function onAfterSwap(event) {
  if (event.detail.target === dialog) {
    document.querySelector(".menu:popover-open")?.hidePopover();
    dialog.showModal();
  } else if (dialog.open) dialog.close();
  if (event.detail.target?.id === "main") closeDrawer();
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKeydown);
document.addEventListener("htmx:beforeSwap", onBeforeSwap);
document.addEventListener("htmx:afterSwap", onAfterSwap);
for (const name of ["htmx:afterSettle", "htmx:historyRestore"]) document.addEventListener(name, markCurrent);
for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => toast(text("offline")));
document.addEventListener("htmx:responseError", (event) => toast(text(SENTENCES[event.detail.xhr.status] ?? "server")));
for (const name of ["beforetoggle", "toggle"]) sidebar.addEventListener(name, (event) => event.target === sidebar && onDrawer(event));
matchMedia("(width >= 768px)").addEventListener("change", closeDrawer);
on("conversation.changed", () => htmx.trigger(document.body, "hearth:sidebar"));
on("error", (event) => toast(event.message));
// Days in the sidebar are the reader's own: the server reads this.
document.cookie = `hearth_timezone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=${document.body.dataset.prefix}; max-age=31536000; SameSite=Lax`;
connect();
