// The live stream of requests: newest above, each with what became of it and why. It holds still while it is looked at.

import { badge, el, find, foreign, id } from "./dom.js";
import { bytes, number, operation, plural, time } from "./format.js";
import { backLink, fields } from "./head.js";
import { look, target, verdict, why } from "./requests.js";
import { address } from "./route.js";
import { VirtualList } from "./virtual.js";

const FILTERS = {
  all: () => true,
  refused: (request) => ["refused", "broken"].includes(verdict(request)),
  limited: (request) => verdict(request) === "limited",
};

export class Stream {
  #filter = "all";
  #paused = false;
  #newest = 0;

  constructor(box, requests, { onOpen, onEnter }) {
    this.requests = requests;
    this.list = new VirtualList(box, {
      label: "Requests, newest first",
      height: 60,
      row: (request) => ({
        key: `request\n\n${request.seq}`,
        version: `${request.status} ${request.remark}`,
        node: () => row(request),
      }),
      onActive: onOpen,
      onEnter,
    });
    this.button = find("#stream-fresh");
    this.pause = find("#stream-pause");
    this.button.addEventListener("click", () => {
      this.#setPaused(false);
      this.list.toTop();
      this.#arrange();
    });
    this.pause.addEventListener("click", () => this.toggle());
    box.addEventListener("scroll", () => box.scrollTop <= 4 && this.draw(), { passive: true });
    box.addEventListener("mouseleave", () => this.draw());
    for (const input of document.querySelectorAll("[name=stream-filter]")) {
      input.addEventListener("change", () => {
        this.#filter = input.value;
        this.list.toTop();
        this.#arrange();
      });
    }
  }

  toggle() {
    this.#setPaused(!this.#paused);
    if (!this.#paused) this.#arrange();
  }

  #setPaused(paused) {
    this.#paused = paused;
    this.pause.setAttribute("aria-pressed", String(paused));
    this.pause.textContent = paused ? "Paused" : "Pause";
  }

  reset() {
    this.#arrange();
  }

  draw() {
    const { skipped } = this.requests;
    find("#stream-count").textContent = skipped ? `${number(skipped)} passed too fast to list` : "";
    if (this.#paused || (this.list.held && this.list.items.length)) this.#renew();
    else this.#arrange();
  }

  // In place: answers that came to requests in sight. No row moves.
  #renew() {
    const now = new Map(this.requests.newestFirst.map((request) => [request.seq, request]));
    this.list.set(this.list.items.map((request) => now.get(request.seq) ?? request));
    const fits = FILTERS[this.#filter];
    const fresh = [...now.values()].filter((request) => request.seq > this.#newest && fits(request)).length;
    this.button.hidden = fresh === 0;
    this.button.textContent = `${number(fresh)}${fresh >= 2000 ? " or more" : ""} new`;
  }

  #arrange() {
    const all = this.requests.newestFirst;
    this.#newest = all[0]?.seq ?? 0;
    this.button.hidden = true;
    const shown = all.filter(FILTERS[this.#filter]);
    this.list.set(shown);
    const box = find("#stream-empty");
    box.hidden = shown.length > 0;
    const none = { all: "No request yet", refused: "Nothing refused", limited: "No 429" }[this.#filter];
    const say =
      this.#filter === "all"
        ? "Each request to Front appears here with its answer."
        : `None among the newest ${number(all.length)}.`;
    box.replaceChildren(el("h3", { text: none }), el("p", { text: say }));
  }
}

function code(request) {
  const [state, word] = look(request);
  const shown = typeof request.status === "number" ? request.status : request.status === null ? "···" : "cut";
  return el(
    "span",
    { class: `code ${state}`, title: word },
    el("span", { text: shown }),
    el("span", { class: "visually-hidden", text: ` ${word}` }),
  );
}

function row(request) {
  const about = request.call_id ?? request.conversation_id ?? request.external_id ?? request.channel ?? "";
  const [state, word] = look(request);
  const reason = why(request, { brief: true });
  return el(
    "div",
    { class: `request ${state}`, title: why(request) || null },
    code(request),
    el(
      "div",
      { class: "request-text" },
      el(
        "div",
        { class: "line" },
        el("strong", { class: "cut", text: operation(request.operation) }),
        el("time", { class: "meta when", text: time(request.wall) }),
      ),
      el(
        "div",
        { class: "line small" },
        reason
          ? el("span", { class: "reason cut" }, `${word}. ${reason}`)
          : el("span", { class: "meta cut" }, `${word} · `, id(about)),
      ),
    ),
  );
}

export class RequestView {
  #place;
  #requests;
  #version = "";

  constructor(box, place, requests) {
    this.#place = place;
    this.#requests = requests;
    this.box = box;
  }

  async open() {
    const request = this.#requests.get(Number(this.#place.id));
    if (request) this.#draw(request);
    return Boolean(request);
  }

  async refresh() {
    await this.open();
  }

  #draw(request) {
    const version = JSON.stringify(request);
    if (version === this.#version) return;
    this.#version = version;
    const [state, word, shape] = look(request);
    const to = request.stored ? target(request) : null;
    const took = request.answered_at === null ? null : Math.max(0, request.answered_at - request.at) * 1000;
    this.box.replaceChildren(
      el(
        "div",
        { class: "heading-box" },
        el(
          "header",
          { class: "title" },
          backLink(),
          code(request),
          el(
            "div",
            { class: "title-text" },
            el("h2", { class: "cut", text: operation(request.operation) }),
            el(
              "p",
              { class: "facts" },
              badge(state, word, shape),
              el("span", { text: `Request ${number(request.seq)}` }),
              el("span", { text: time(request.wall) }),
              took === null
                ? null
                : el("span", { text: `${took < 10 ? took.toFixed(1) : Math.round(took)} ms` }),
            ),
          ),
        ),
      ),
      el(
        "div",
        { class: "scroll call", tabindex: "0", role: "region", "aria-label": "Request" },
        el(
          "section",
          { class: "part" },
          el("h3", { text: "What became of it" }),
          el("p", { text: sentence(request) }),
          request.details?.length
            ? el(
                "ul",
                { class: "reasons" },
                ...request.details.map((detail) => el("li", {}, foreign("code", detail))),
              )
            : null,
          to ? el("p", {}, el("a", { class: "go", href: address(to), text: `Show the ${to.open}` })) : null,
        ),
        el("section", { class: "part" }, el("h3", { text: "The request" }), facts(request)),
        el("section", { class: "part" }, fields(request, "All that the log holds")),
      ),
    );
  }
}

function sentence(request) {
  const reason = why(request);
  if (reason) return `${reason}.`;
  if (request.status === null) return "It has arrived and is not answered yet.";
  return request.stored ? "Front took it and stored it." : "Front took it; there was nothing new to store.";
}

function facts(request) {
  const rows = [
    ["Method", request.method],
    ["Operation", request.operation],
    ["Channel", request.channel ?? request.path_ids?.[0]],
    ["Company", request.company],
    ["Conversation", request.conversation_id],
    ["Call", request.call_id],
    ["External id", request.external_id],
    [
      "Body",
      `${plural(request.body_bytes, "byte")}${request.body_bytes >= 1000 ? ` (${bytes(request.body_bytes)})` : ""}`,
    ],
    ["SHA-256", request.body_sha256],
    ["Token id", request.jti],
  ].filter(([, value]) => value);
  return el(
    "dl",
    { class: "pairs" },
    ...rows.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, id(value))]),
  );
}
