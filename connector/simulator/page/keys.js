// Keys that work anywhere on the page, unless a text is being written.

import { find } from "./dom.js";

const writes = (target) => target.closest?.("input:not([type=radio]), textarea, select, [contenteditable]");

export function listen(actions) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (find("dialog[open]")) return;
    if (event.key === "Escape") {
      actions.back(event);
      return;
    }
    if (writes(event.target)) return;
    const action = {
      j: actions.down,
      k: actions.up,
      "/": actions.search,
      "?": actions.help,
      1: actions.inbox,
      2: actions.templates,
      3: actions.requests,
      p: actions.pause,
      t: actions.theme,
    }[event.key];
    const arrow = { ArrowDown: actions.down, ArrowUp: actions.up }[event.key];
    if (action) {
      event.preventDefault();
      action();
    } else if (arrow && event.target === document.body) {
      event.preventDefault();
      arrow();
    } else if (event.key === "Enter" && event.target === document.body) {
      event.preventDefault();
      actions.enter();
    }
  });
}
