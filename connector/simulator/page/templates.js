// Message templates: a list, and one with its preview in a frame that can neither run, load nor send anything.

import { get, previewUrl } from "./api.js";
import { badge, el, find, foreign, id } from "./dom.js";
import { number, plural } from "./format.js";
import { backLink, fields } from "./head.js";
import { VirtualList } from "./virtual.js";

const PAGE = 100;
const KEPT_MAX = 2000;

const LOOKS = { APPROVED: ["good", "ok"], PENDING: ["wait", "wait"], REJECTED: ["bad", "cross"] };

function state(template) {
  const said = template.fields.status_name ?? "";
  const [look, shape] = LOOKS[said.toUpperCase()] ?? ["quiet", null];
  return badge(look, said ? said[0].toUpperCase() + said.slice(1).toLowerCase() : "No state", shape);
}

export class Templates {
  #filter = {};
  #all = [];
  #next = undefined;
  #asked = 0;
  #loading = false;

  constructor(box, { onOpen, onEnter }) {
    this.list = new VirtualList(box, {
      label: "Templates",
      height: 84,
      row: (one) => ({
        key: `template\n${one.channel}\n${one.external_id}`,
        version: JSON.stringify(one),
        node: () => row(one),
      }),
      onActive: onOpen,
      onEnter,
      onNearEnd: () => this.#more(),
    });
  }

  async show(filter) {
    this.#filter = filter;
    this.#asked += 1;
    await this.refresh();
  }

  async refresh() {
    const asked = this.#asked;
    const answer = await get("inbox/templates", {
      ...this.#filter,
      limit: Math.min(200, Math.max(PAGE, this.#all.length)),
    });
    if (asked !== this.#asked) return;
    this.#all = answer.templates;
    this.#next = answer.next;
    this.#draw();
  }

  async #more() {
    if (!this.#next || this.#loading || this.#all.length >= KEPT_MAX) return;
    this.#loading = true;
    const asked = this.#asked;
    try {
      const answer = await get("inbox/templates", { ...this.#filter, limit: PAGE, from: this.#next });
      if (asked !== this.#asked) return;
      this.#all = [...this.#all, ...answer.templates];
      this.#next = answer.next;
    } catch {
      // The next look tells that the simulator is gone.
    } finally {
      this.#loading = false;
    }
    this.#draw();
  }

  #draw() {
    this.list.set(this.#all);
    find("#templates-count").textContent = this.#next
      ? `${number(this.#all.length)} of more`
      : number(this.#all.length);
    const box = find("#templates-empty");
    box.hidden = this.#all.length > 0;
    const filtered = this.#filter.q || this.#filter.channel || this.#filter.company;
    box.replaceChildren(
      el("h3", { text: filtered ? "No such template" : "No templates yet" }),
      el("p", {
        text: filtered
          ? "No template fits what is searched or filtered."
          : "Templates appear once a connector syncs them.",
      }),
    );
  }
}

function row(one) {
  const of = one.fields;
  return el(
    "div",
    { class: "thread" },
    el("span", { class: "avatar square", "aria-hidden": "true", text: "{ }" }),
    el(
      "div",
      { class: "thread-text" },
      el("div", { class: "line" }, foreign("strong", of.name, "cut"), state(one)),
      foreign("div", of.blurb, "cut snippet"),
      el(
        "div",
        { class: "line small" },
        el("span", { class: "meta cut" }, id(one.channel)),
        of.is_disabled ? badge("quiet", "Disabled") : null,
      ),
    ),
  );
}

export class TemplateView {
  #place;
  #version = "";

  constructor(box, place) {
    this.#place = place;
    this.box = box;
  }

  async open() {
    const one = await this.#get();
    if (!one) return false;
    this.#draw(one);
    return true;
  }

  async refresh() {
    const one = await this.#get();
    if (one) this.#draw(one);
  }

  async #get() {
    for (let from = 0; ;) {
      const answer = await get("inbox/templates", { channel: this.#place.in, limit: 200, from });
      const one = answer.templates.find((each) => each.external_id === this.#place.id);
      if (one || !answer.next) return one ?? null;
      from = answer.next;
    }
  }

  #draw(one) {
    const version = JSON.stringify(one);
    if (version === this.#version) return;
    this.#version = version;
    const of = one.fields;
    const variables = of.variable_mappings ?? [];
    this.box.replaceChildren(
      el(
        "div",
        { class: "heading-box" },
        el(
          "header",
          { class: "title" },
          backLink(),
          el("span", { class: "avatar square", "aria-hidden": "true", text: "{ }" }),
          el(
            "div",
            { class: "title-text" },
            foreign("h2", of.name, "cut"),
            el(
              "p",
              { class: "facts" },
              state(one),
              of.is_disabled ? badge("quiet", "Disabled") : badge("good", "Usable"),
              id(one.channel),
              el("bdi", { text: one.company }),
            ),
            el(
              "p",
              { class: "facts" },
              el("span", {}, id(one.external_id)),
              el("span", { text: `Front's id ${one.template_id}` }),
            ),
          ),
        ),
      ),
      el(
        "div",
        { class: "scroll call", tabindex: "0", role: "region", "aria-label": "Template" },
        el("section", { class: "part" }, el("h3", { text: "Preview" }), frame(one)),
        el("section", { class: "part" }, el("h3", { text: "Short text" }), foreign("p", of.blurb)),
        el(
          "section",
          { class: "part" },
          el("h3", { text: plural(variables.length, "variable") }),
          table(variables),
        ),
        el("section", { class: "part" }, fields(one, "All fields")),
      ),
    );
  }
}

function frame(one) {
  return el("iframe", {
    class: "preview",
    sandbox: "",
    referrerpolicy: "no-referrer",
    title: `Preview of ${one.fields.name}`,
    src: previewUrl(one.channel, one.external_id),
  });
}

function table(variables) {
  if (!variables.length) return el("p", { class: "note", text: "Its text is always the same." });
  const rows = variables.map((each) =>
    el(
      "tr",
      {},
      el("td", {}, id(each.uid)),
      el("td", {}, foreign("span", each.name)),
      el("td", { text: each.type }),
    ),
  );
  const heads = ["Place", "Name", "Type"].map((name) => el("th", { scope: "col", text: name }));
  return el(
    "div",
    { class: "table" },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
  );
}
