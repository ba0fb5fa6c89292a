/* Buttons that copy: data-copy names the element whose text or value goes to the clipboard, data-done is what the button then says for a moment. */

/** The clipboard interface only exists on https and localhost, the old command everywhere. Where neither works the text is left selected. */
async function copy(source) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      return true;
    } catch {
      /* Not allowed here: the old command may be. */
    }
  }
  const selection = getSelection();
  if (source.select) source.select();
  else selection.selectAllChildren(source);
  if (!document.execCommand("copy")) return false;
  selection.removeAllRanges();
  return true;
}

function tellCopied(button) {
  const label = button.querySelector("[data-label]");
  if (label.textContent === button.dataset.done) return;
  const before = label.textContent;
  label.textContent = button.dataset.done;
  button.classList.add("is-copied");
  setTimeout(() => {
    label.textContent = before;
    button.classList.remove("is-copied");
  }, 2000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || !(await copy(document.getElementById(button.dataset.copy)))) return;
  tellCopied(button);
  button.focus();
});
