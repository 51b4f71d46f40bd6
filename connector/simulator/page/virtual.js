// A listbox of any length of which only the rows in sight are in the document. Rows have one height, so nothing jumps.
//
// The focus stays on the box; the active row is named by aria-activedescendant (WAI-ARIA, listbox pattern).

import { el } from "./dom.js";

const OVERSCAN = 4;
let boxes = 0;

export class VirtualList {
  #items = [];
  #rows = new Map();
  #active = null;
  #scheduled = false;

  // `row(item)` gives {key, version, node()}: the node is made anew only when the version changes.
  constructor(box, { label, height, row, onActive, onEnter, onNearEnd }) {
    this.#name = `box${++boxes}`;
    Object.assign(this, { box, height, row, onActive, onEnter, onNearEnd });
    this.#sizer = el("div", { class: "sizer", role: "presentation" });
    box.classList.add("virtual");
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", label);
    box.tabIndex = 0;
    box.replaceChildren(this.#sizer);
    box.addEventListener("scroll", () => this.#schedule(), { passive: true });
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#schedule()).observe(box);
  }

  #name;
  #sizer;

  get items() {
    return this.#items;
  }

  get active() {
    return this.#active;
  }

  // Whether a change of order would move rows under someone's eyes or hands.
  get held() {
    return this.box.scrollTop > 4 || this.box.matches(":hover") || this.box.matches(":focus-within");
  }

  set(items) {
    this.#items = items;
    this.#sizer.style.height = `${items.length * this.height}px`;
    this.box.classList.toggle("none", items.length === 0);
    this.#draw();
  }

  activate(key, { scroll = true } = {}) {
    this.#active = key;
    const index = this.#items.findIndex((item) => this.row(item).key === key);
    if (scroll && index >= 0) this.#reveal(index);
    this.#draw();
  }

  move(steps) {
    if (!this.#items.length) return;
    const now = this.#items.findIndex((item) => this.row(item).key === this.#active);
    const start = now < 0 ? (steps > 0 ? -1 : 0) : now;
    const to = Math.min(this.#items.length - 1, Math.max(0, start + steps));
    this.activate(this.row(this.#items[to]).key);
    this.onActive?.(this.#items[to]);
  }

  enter() {
    const item = this.#items.find((one) => this.row(one).key === this.#active);
    if (item !== undefined) this.onEnter?.(item);
  }

  toTop() {
    this.box.scrollTop = 0;
  }

  #reveal(index) {
    const top = index * this.height;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.height > this.box.scrollTop + this.box.clientHeight) {
      this.box.scrollTop = top + this.height - this.box.clientHeight;
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 1);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    }[event.key];
    if (steps !== undefined) {
      event.preventDefault();
      this.move(Number.isFinite(steps) ? steps : Math.sign(steps) * this.#items.length);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.#active === null) this.move(1);
      else this.enter();
    }
  }

  #click(event) {
    const row = event.target.closest("[data-index]");
    const item = row && this.#items[Number(row.dataset.index)];
    if (!item) return;
    this.activate(this.row(item).key, { scroll: false });
    this.onActive?.(item);
    this.onEnter?.(item);
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw() {
    const seen = this.box.clientHeight || 0;
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - OVERSCAN);
    const last = Math.min(
      this.#items.length,
      Math.ceil((this.box.scrollTop + seen) / this.height) + OVERSCAN,
    );
    const rows = new Map();
    let activeId = null;
    for (let index = first; index < last; index += 1) {
      const { key, version, node } = this.row(this.#items[index]);
      let made = this.#rows.get(key);
      if (made === undefined || made.version !== version) {
        const fresh = node();
        fresh.setAttribute("role", "option");
        fresh.classList.add("row");
        made?.node.replaceWith(fresh);
        made = { version, node: fresh };
      }
      const active = key === this.#active;
      made.node.id = `${this.#name}-${index}`;
      made.node.dataset.index = index;
      made.node.style.transform = `translateY(${index * this.height}px)`;
      made.node.style.height = `${this.height}px`;
      made.node.setAttribute("aria-selected", String(active));
      made.node.setAttribute("aria-posinset", index + 1);
      made.node.setAttribute("aria-setsize", this.#items.length);
      if (active) activeId = made.node.id;
      if (made.node.parentNode !== this.#sizer) this.#sizer.append(made.node);
      rows.set(key, made);
    }
    for (const [key, made] of this.#rows) if (!rows.has(key)) made.node.remove();
    this.#rows = rows;
    if (activeId) this.box.setAttribute("aria-activedescendant", activeId);
    else this.box.removeAttribute("aria-activedescendant");
    if (seen && last >= this.#items.length - OVERSCAN) this.onNearEnd?.();
  }
}
