// What stands above a conversation, a call, a template or a request; and the fields as Front keeps them.

import { el, foreign, icon, id } from "./dom.js";
import { address, shut } from "./route.js";
import { avatar } from "./threads.js";

export function backLink() {
  return el(
    "a",
    { class: "back", href: address(shut), "aria-label": "Back to the list" },
    icon("back"),
    el("span", { text: "Back" }),
  );
}

// `answer`: of /_sim/inbox/conversation or call.
export function titled(answer, badges, details) {
  const { head } = answer;
  return el(
    "header",
    { class: "title" },
    backLink(),
    avatar(head),
    el(
      "div",
      { class: "title-text" },
      el("div", { class: "line" }, foreign("h2", head.title, "cut"), ...badges),
      el(
        "p",
        { class: "facts" },
        head.handle && head.handle !== head.title ? el("span", {}, id(head.handle)) : null,
        el(
          "a",
          {
            href: address({
              ...shut,
              view: "inbox",
              channel: answer.channel,
              company: "",
              q: "",
              kind: "all",
            }),
            title: `Only ${answer.channel}`,
          },
          id(answer.channel),
        ),
        el("span", {}, el("bdi", { text: answer.company })),
      ),
      el("p", { class: "facts" }, el("span", { text: details }), el("span", {}, id(answer.id))),
    ),
  );
}

// Everything that was kept of an item, for who wants to see what a mapping made.
export function fields(value, label = "Fields") {
  const shown = el("pre", { class: "json", tabindex: "0" });
  const box = el("details", { class: "fields" }, el("summary", { text: label }), shown);
  box.addEventListener("toggle", () => {
    if (box.open && !shown.textContent) shown.textContent = JSON.stringify(value, null, 2);
  });
  return box;
}
