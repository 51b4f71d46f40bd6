// The side bar: views, and the channels by company with what Front shows of their health. A thousand are a list in sight.

import { get } from "./api.js";
import { badge, el, find, foreign, icon } from "./dom.js";
import { number, plural } from "./format.js";
import { address, here, shut } from "./route.js";
import { VirtualList } from "./virtual.js";

export class Rail {
  #channels = [];
  #text = "";
  #last = 0;
  #costs = 0;
  #version = "";

  constructor({ onChoose }) {
    this.list = new VirtualList(find("#channels"), {
      label: "Channels by company",
      height: 34,
      row: (item) => ({
        key: item.key,
        version: JSON.stringify(item),
        node: () => (item.channel ? channelRow(item.channel) : companyRow(item)),
      }),
      onEnter: (item) =>
        onChoose(
          item.channel ? { channel: item.channel.id, company: "" } : { channel: "", company: item.company },
        ),
    });
    this.filter = find("#channel-filter");
    this.filter.addEventListener("input", () => {
      this.#text = this.filter.value.trim().toLowerCase();
      this.list.toTop();
      this.#draw();
    });
    this.filter.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault();
      this.list.box.focus();
      this.list.move(1);
    });
    find("#filter-off").addEventListener("click", () => onChoose({ channel: "", company: "" }));
  }

  // A list of thousands takes its time: it is asked for the less often the longer it took.
  async refresh({ now = false } = {}) {
    if (!now && performance.now() - this.#last < Math.max(1500, 20 * this.#costs)) return;
    const began = performance.now();
    this.#last = began;
    const answer = await get("inbox/channels");
    this.#costs = performance.now() - began;
    this.#channels = answer.channels;
    this.#draw();
  }

  channel(name) {
    return this.#channels.find((one) => one.id === name);
  }

  #draw() {
    const items = this.#items();
    const { channel, company } = here();
    const chosen = channel ? `channel ${channel}` : company ? `company ${company}` : null;
    const version = JSON.stringify([items, chosen]);
    if (version === this.#version) return;
    this.#version = version;
    this.list.set(items);
    this.list.activate(chosen, { scroll: false });
    this.filter.placeholder = `Filter ${plural(this.#channels.length, "channel")}`;
    find("#channels-empty").hidden = items.length > 0;
    const off = find("#filter-off");
    off.hidden = chosen === null;
    find("span", off).textContent = channel || company;
    const offline = this.#channels.filter((one) => one.status === "offline").length;
    const said = find("#offline-count");
    said.hidden = offline === 0;
    said.textContent = `${number(offline)} offline`;
  }

  chosen() {
    this.#draw();
  }

  #items() {
    const companies = new Map();
    for (const one of this.#channels) {
      const words = `${one.id} ${one.company} ${one.aliases.join(" ")} ${one.status ?? ""}`.toLowerCase();
      if (this.#text && !words.includes(this.#text)) continue;
      if (!companies.has(one.company)) companies.set(one.company, []);
      companies.get(one.company).push(one);
    }
    return [...companies.keys()]
      .sort((a, b) => a.localeCompare(b))
      .flatMap((company) => {
        const own = companies.get(company).sort((a, b) => a.id.localeCompare(b.id));
        const items = own.reduce((sum, one) => sum + one.conversations + one.calls, 0);
        return [
          { key: `company ${company}`, company, items },
          ...own.map((channel) => ({ key: `channel ${channel.id}`, channel })),
        ];
      });
  }
}

function companyRow({ company, items }) {
  return el(
    "div",
    { class: "company" },
    foreign("span", company, "cut"),
    el("span", { class: "count", text: items ? number(items) : "" }),
  );
}

// Nothing, as long as nobody told Front of it.
export const channelState = (one) =>
  ({ ok: badge("good", "OK", "ok"), offline: badge("bad", "Offline", "cross") })[one?.status] ?? null;

function channelRow(one) {
  const items = one.conversations + one.calls;
  const voice = items ? one.calls > one.conversations : one.type === "voice";
  const state = channelState(one);
  return el(
    "div",
    { class: `channel${items ? "" : " silent"}`, title: [one.id, ...one.aliases].join("\n") },
    icon(voice ? "call" : "message"),
    foreign("span", one.aliases[0] ?? one.id, "cut id"),
    state,
    el("span", { class: "count", text: items ? number(items) : "" }),
  );
}

export function drawViews() {
  const place = here();
  for (const link of document.querySelectorAll("[data-view]")) {
    const { view, kind } = link.dataset;
    const to = { ...shut, view, kind: kind ?? "all" };
    link.setAttribute("href", address(to));
    const current = view === place.view && (!kind || kind === place.kind);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
