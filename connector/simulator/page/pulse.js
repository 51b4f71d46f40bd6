// The last minute as sixty bars: what was accepted, limited and refused between two looks.

import { el, find } from "./dom.js";
import { number } from "./format.js";

const BARS = 60;
const HIGH = 28;
const NAMES = ["accepted", "limited", "refused"];
const SVG = "http://www.w3.org/2000/svg";

export class Pulse {
  #bars = [];
  #before = null;
  #rects = [];

  constructor(box) {
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${BARS * 4} ${HIGH}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    for (let bar = 0; bar < BARS; bar += 1) {
      this.#rects.push(
        NAMES.map((name) => {
          const rect = document.createElementNS(SVG, "rect");
          rect.setAttribute("class", name);
          rect.setAttribute("x", bar * 4 + 0.5);
          rect.setAttribute("width", 3);
          this.svg.append(rect);
          return rect;
        }),
      );
    }
    this.rate = el("span", { class: "rate" });
    box.replaceChildren(this.svg, this.rate);
    this.#draw();
  }

  reset() {
    this.#bars = [];
    this.#before = null;
    this.#draw();
  }

  add(outcomes, seconds) {
    const now = NAMES.map(
      (name) => (outcomes[name] ?? 0) + (name === "refused" ? (outcomes.broken ?? 0) : 0),
    );
    const step = this.#before
      ? now.map((value, index) => Math.max(0, value - this.#before[index]))
      : [0, 0, 0];
    this.#before = now;
    this.#bars.push(step);
    if (this.#bars.length > BARS) this.#bars.shift();
    const all = step.reduce((sum, value) => sum + value, 0);
    this.rate.textContent = `${number(Math.round(all / Math.max(0.5, seconds)))}/s`;
    this.#draw();
  }

  #draw() {
    const most = Math.max(4, ...this.#bars.map((bar) => bar.reduce((sum, value) => sum + value, 0)));
    const sums = [0, 0, 0];
    for (let place = 0; place < BARS; place += 1) {
      const bar = this.#bars[place - (BARS - this.#bars.length)];
      let y = HIGH;
      this.#rects[place].forEach((rect, index) => {
        const value = bar?.[index] ?? 0;
        sums[index] += value;
        // What happened at all is at least two points high.
        const high = value ? Math.max(2, (value / most) * (HIGH - 2)) : 0;
        y -= high;
        rect.setAttribute("y", Math.max(0, y).toFixed(1));
        rect.setAttribute("height", high.toFixed(1));
      });
    }
    this.svg.setAttribute(
      "aria-label",
      `Since this page looks, at most a minute: ${NAMES.map((name, index) => `${number(sums[index])} ${name}`).join(", ")}`,
    );
  }
}

export function totals(news) {
  const { outcomes } = news;
  const said = [
    ["good", "accepted", outcomes.accepted ?? 0],
    ["wait", "429", outcomes.limited ?? 0],
    ["bad", "refused", (outcomes.refused ?? 0) + (outcomes.broken ?? 0)],
  ];
  find("#totals").replaceChildren(
    ...said.map(([state, name, count]) =>
      el(
        "span",
        { class: `total ${count ? state : "quiet"}` },
        el("strong", { text: number(count) }),
        ` ${name}`,
      ),
    ),
    el("span", { class: "total quiet" }, el("strong", { text: number(news.in_flight) }), " in flight"),
  );
}
