// The list of conversations and calls, newest activity first.
//
// While somebody reads further down, points at it or has the focus in it, new activity does not reorder the list: the rows
// in sight are renewed where they stand, and a button says how much is new.

import { get } from "./api.js";
import { badge, el, find, foreign, icon, id } from "./dom.js";
import { initials, moment, number, plural, tint } from "./format.js";
import { VirtualList } from "./virtual.js";

const PAGE = 60;
export const KEPT_MAX = 3000;

export const CALL_WORDS = {
  queued: "Queued",
  ringing: "Ringing",
  connected: "Connected",
  hold: "On hold",
  hangup: "Ended",
  missed: "Missed",
  abandoned: "Abandoned",
  transferred: "Transferred",
};

export const callLook = (status) =>
  ["missed", "abandoned"].includes(status)
    ? "bad"
    : ["queued", "ringing", "hold"].includes(status)
      ? "wait"
      : status === "connected"
        ? "busy"
        : "quiet";

export const keyOf = (head) => `${head.kind}\n${head.channel}\n${head.id}`;

export class Threads {
  #filter = {};
  #heads = new Map();
  #shown = [];
  #next = undefined;
  #asked = 0;
  #loading = false;
  #fresh = new Set();

  constructor(box, { onOpen, onEnter }) {
    this.list = new VirtualList(box, {
      label: "Conversations and calls",
      height: 84,
      row: (head) => ({ key: keyOf(head), version: JSON.stringify(head), node: () => row(head) }),
      onActive: onOpen,
      onEnter,
      onNearEnd: () => this.#more(),
    });
    this.button = find("#threads-fresh");
    this.button.addEventListener("click", () => {
      this.list.toTop();
      this.#arrange();
      box.focus();
    });
    box.addEventListener("scroll", () => box.scrollTop <= 4 && this.#settle(), { passive: true });
    box.addEventListener("mouseleave", () => this.#settle());
  }

  // Another filter is another list.
  async show(filter) {
    this.#filter = filter;
    this.#heads.clear();
    this.#fresh.clear();
    this.#shown = [];
    this.#next = undefined;
    this.#asked += 1;
    this.list.toTop();
    await this.refresh({ anew: true });
  }

  // The newest page again. A gap between it and what is here is closed by starting anew.
  async refresh({ anew = false } = {}) {
    const asked = this.#asked;
    const answer = await get("inbox/threads", { ...this.#filter, limit: PAGE });
    if (asked !== this.#asked) return;
    const { threads, next } = answer;
    const oldest = threads.at(-1)?.seq ?? 0;
    const newest = Math.max(0, ...[...this.#heads.values()].map((head) => head.seq));
    if (!anew && newest && oldest > newest && threads.length >= PAGE) this.#heads.clear();
    if (this.#heads.size <= threads.length) this.#next = next;
    for (const head of threads) {
      if (!anew && (this.#heads.get(keyOf(head))?.seq ?? 0) < head.seq) this.#fresh.add(keyOf(head));
      this.#heads.set(keyOf(head), head);
    }
    if (anew || !this.list.held || !this.#shown.length) this.#arrange();
    else this.#renew();
    // A search may have to go on before it finds anything.
    if (!threads.length && next) await this.#more();
  }

  #settle() {
    if (this.#fresh.size && !this.list.held) this.#arrange();
  }

  #arrange() {
    this.#fresh.clear();
    this.#shown = [...this.#heads.values()].sort((a, b) => b.seq - a.seq).slice(0, KEPT_MAX);
    if (this.#heads.size > KEPT_MAX) this.#heads = new Map(this.#shown.map((head) => [keyOf(head), head]));
    this.#draw();
  }

  #renew() {
    this.#shown = this.#shown.map((head) => this.#heads.get(keyOf(head)) ?? head);
    this.#draw();
  }

  #draw() {
    this.list.set(this.#shown);
    this.button.hidden = this.#fresh.size === 0;
    this.button.textContent = `${number(this.#fresh.size)}${this.#fresh.size >= PAGE ? " or more" : ""} updated`;
    find("#threads-count").textContent = !this.#shown.length
      ? ""
      : this.#next
        ? `${number(this.#shown.length)} newest`
        : number(this.#shown.length);
    this.#empty();
  }

  #empty() {
    const { q, kind, channel, company } = this.#filter;
    const box = find("#threads-empty");
    box.hidden = this.#shown.length > 0 || Boolean(this.#next);
    if (box.hidden) return;
    const words = { calls: "No calls", messages: "No conversations", failed: "Nothing failed" }[kind];
    if (q)
      box.replaceChildren(
        el("h3", { text: "Nothing found" }),
        el("p", {}, "No id, name, handle, file or text has ", id(q), "."),
      );
    else if (words)
      box.replaceChildren(
        el("h3", { text: words }),
        el("p", { text: "Nothing accepted so far is of this kind." }),
      );
    else if (channel || company)
      box.replaceChildren(
        el("h3", { text: "Nothing here yet" }),
        el("p", { text: "Front has accepted nothing for it." }),
      );
    else box.replaceChildren(el("h3", { text: "Nothing accepted yet" }), ...hints());
  }

  async #more() {
    if (!this.#next || this.#loading || this.#heads.size >= KEPT_MAX) return;
    this.#loading = true;
    const asked = this.#asked;
    try {
      let found = 0;
      while (this.#next && !found && asked === this.#asked) {
        const answer = await get("inbox/threads", { ...this.#filter, limit: PAGE * 2, before: this.#next });
        if (asked !== this.#asked) return;
        this.#next = answer.next;
        found = answer.threads.length;
        const known = new Set(this.#shown.map(keyOf));
        const older = answer.threads.filter((head) => !known.has(keyOf(head)));
        for (const head of older) this.#heads.set(keyOf(head), head);
        this.#shown = [...this.#shown, ...older];
      }
    } catch {
      // The next look tells that the simulator is gone.
    } finally {
      this.#loading = false;
    }
    this.#draw();
  }
}

function hints() {
  return [
    el("p", { text: "What Front accepts appears here as it arrives." }),
    el(
      "p",
      {},
      "Point a connector at it with ",
      el("code", { text: `base_url: ${location.origin}` }),
      ", or watch a whole run with ",
      el("code", { text: "front-connector demo" }),
      ".",
    ),
  ];
}

export const avatar = (head) =>
  el("span", {
    class: `avatar tint${tint(head.handle ?? head.title)}`,
    "aria-hidden": "true",
    text: initials(head.title),
  });

function row(head) {
  const call = head.kind === "call";
  const marks = [];
  if (call) marks.push(badge(callLook(head.status), CALL_WORDS[head.status] ?? head.status));
  else if (head.failed) marks.push(badge("bad", plural(head.failed, "failed", "failed"), "failed"));
  if (head.files) {
    const words = el("span", { class: "visually-hidden", text: head.files === 1 ? " file" : " files" });
    marks.push(el("span", { class: "meta clip" }, icon("clip"), number(head.files), words));
  }
  const text = call
    ? head.snippet ||
      `${head.direction === "inbound" ? "Incoming" : "Outgoing"} call${head.recordings ? ", recorded" : ""}`
    : `${head.direction === "outbound" ? "You: " : ""}${head.subject ? `${head.subject} · ` : ""}${head.snippet}`;
  return el(
    "div",
    { class: "thread" },
    avatar(head),
    el(
      "div",
      { class: "thread-text" },
      el(
        "div",
        { class: "line" },
        call ? icon("call") : null,
        foreign("strong", head.title, "cut"),
        el("span", { class: "meta when", text: moment(head.at) }),
      ),
      foreign("div", text, "cut snippet"),
      el(
        "div",
        { class: "line small" },
        el("span", { class: "meta cut" }, id(head.channel)),
        ...marks,
        call || head.count < 2 ? null : el("span", { class: "meta", text: plural(head.count, "message") }),
      ),
    ),
  );
}
