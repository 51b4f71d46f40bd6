// One conversation, oldest message above: what is new is added below, and what is read stays where it is.

import { get } from "./api.js";
import { body } from "./body.js";
import { badge, el, foreign, icon, id } from "./dom.js";
import { attachments } from "./files.js";
import { dayOf, plural, time } from "./format.js";
import { fields, titled } from "./head.js";

const PAGE = 60;
const DRAWN_MAX = 600;

export class Conversation {
  #place;
  #messages = [];
  #first = 0;
  #total = 0;
  #nodes = new Map();
  #log = el("div", { class: "messages", role: "log", "aria-label": "Messages" });
  #earlier = el("button", { class: "quiet-button earlier", type: "button", onclick: () => this.#older() });
  #fresh = el("button", {
    class: "fresh below",
    type: "button",
    hidden: true,
    text: "New message below",
    onclick: () => this.#toEnd(),
  });

  constructor(box, place) {
    this.#place = place;
    this.box = box;
  }

  async open() {
    const answer = await this.#get();
    if (answer === null) return false;
    this.scroller = el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Conversation" },
      this.#earlier,
      this.#log,
    );
    this.scroller.addEventListener("scroll", () => this.#atEnd() && (this.#fresh.hidden = true), {
      passive: true,
    });
    this.heading = el("div", { class: "heading-box" });
    this.box.replaceChildren(this.heading, this.scroller, this.#fresh);
    this.#take(answer);
    return true;
  }

  // Once it is in the page and has a height.
  shown() {
    this.#toEnd();
  }

  async refresh() {
    const answer = await this.#get();
    if (answer === null) return;
    const stay = this.#atEnd();
    const before = this.#total;
    // What came between the last look and the newest page is asked for too.
    if (answer.first > this.#first + this.#messages.length) this.#messages = [];
    this.#take(answer);
    if (stay) this.#toEnd();
    else if (this.#total > before) this.#fresh.hidden = false;
  }

  #get(before) {
    return get("inbox/conversation", { channel: this.#place.in, id: this.#place.id, limit: PAGE, before });
  }

  #take(answer) {
    if (!this.#messages.length) this.#first = answer.first;
    const known = new Map(this.#messages.map((message) => [message.seq, message]));
    for (const message of answer.messages) known.set(message.seq, message);
    this.#messages = [...known.values()].sort((a, b) => this.#order(answer, a) - this.#order(answer, b));
    this.#total = answer.total;
    this.#trim();
    const { failed } = answer.head;
    this.heading.replaceChildren(
      titled(
        answer,
        failed ? [badge("bad", `${failed} failed`, "failed")] : [],
        plural(answer.total, "message"),
      ),
    );
    this.#draw();
  }

  // The simulator's order is that of acceptance; what it did not name this time is older.
  #order(answer, message) {
    const at = answer.messages.findIndex((one) => one.seq === message.seq);
    return at < 0 ? message.seq - 1e15 : at;
  }

  async #older() {
    const answer = await this.#get(this.#first);
    if (answer === null) return;
    const height = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.#messages = [...answer.messages, ...this.#messages];
    this.#first = answer.first;
    this.#draw();
    this.scroller.scrollTop = this.scroller.scrollHeight - height;
  }

  #trim() {
    const much = this.#messages.length - DRAWN_MAX;
    if (much <= 0) return;
    this.#messages.splice(0, much);
    this.#first += much;
  }

  #draw() {
    this.#earlier.hidden = this.#first === 0;
    this.#earlier.textContent = `Earlier messages (${this.#first})`;
    const byId = new Map(this.#messages.map((message) => [message.external_id, message]));
    const nodes = [];
    const kept = new Map();
    let day = null;
    for (const message of this.#messages) {
      const at = message.fields.delivered_at ?? message.accepted_at;
      if (dayOf(at) !== day) {
        day = dayOf(at);
        nodes.push(this.#nodes.get(day)?.node ?? el("h3", { class: "day", text: day }));
        kept.set(day, { node: nodes.at(-1) });
      }
      const version = `${message.failed}${message.reason}`;
      let made = this.#nodes.get(message.seq);
      if (made?.version !== version) made = { version, node: bubble(message, byId) };
      kept.set(message.seq, made);
      nodes.push(made.node);
    }
    this.#nodes = kept;
    // Only what changed is touched, so that a selection, a player or an open disclosure stays.
    nodes.forEach((node, index) => {
      if (this.#log.children[index] !== node) this.#log.insertBefore(node, this.#log.children[index] ?? null);
    });
    while (this.#log.children.length > nodes.length) this.#log.lastChild.remove();
  }

  #atEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 48;
  }

  #toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#fresh.hidden = true;
  }
}

function bubble(message, byId) {
  const out = message.direction === "outbound";
  const sent = message.fields;
  const who = out
    ? (sent.sender_name ?? (sent.author_id ? `Teammate ${sent.author_id}` : "Your side"))
    : (sent.sender.name ?? sent.sender.handle);
  const at = sent.delivered_at ?? message.accepted_at;
  return el(
    "article",
    {
      class: `message ${message.direction}${message.failed ? " failed" : ""}`,
      "data-external-id": message.external_id,
      tabindex: "-1",
    },
    el(
      "header",
      { class: "line" },
      foreign("strong", who, "cut"),
      el("span", { class: "meta", text: out ? "sent" : "received" }),
      el("time", { class: "meta", text: time(at), datetime: instant(at) }),
    ),
    el(
      "div",
      { class: "bubble" },
      reference(sent.metadata.referenced_message_external_id, byId),
      sent.subject ? foreign("p", sent.subject, "subject") : null,
      body(sent.body),
      attachments(message.files),
    ),
    message.failed
      ? el(
          "p",
          { class: "failure" },
          badge("bad", "Not delivered", "failed"),
          message.reason ? foreign("span", message.reason) : el("span", { text: "no reason given" }),
        )
      : null,
    el("footer", { class: "line small" }, id(message.external_id), fields({ ...message })),
  );
}

function instant(seconds) {
  const moment = new Date(seconds * 1000);
  return Number.isNaN(moment.valueOf()) ? null : moment.toISOString();
}

function reference(external, byId) {
  if (!external) return null;
  const to = byId.get(external);
  if (!to)
    return el(
      "p",
      { class: "reference" },
      icon("reply"),
      el("span", {}, "In reply to ", id(external), ", which is not shown here"),
    );
  const words = body(to.fields.body).textContent.replace(/\s+/g, " ").trim().slice(0, 90);
  return el(
    "button",
    {
      class: "reference",
      type: "button",
      "data-to": external,
      onclick: (event) => jump(event.currentTarget, external),
    },
    icon("reply"),
    el("span", { class: "visually-hidden", text: "In reply to: " }),
    foreign("span", words || external, "cut"),
  );
}

function jump(button, external) {
  for (const message of button.closest(".messages").querySelectorAll("article")) {
    if (message.dataset.externalId !== external) continue;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    message.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    message.focus({ preventScroll: true });
    return;
  }
}
