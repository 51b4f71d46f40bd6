// Makes elements. What came over the wire is shown by textContent alone: nothing here takes HTML.

export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") made.className = value;
    else if (key === "text") made.textContent = String(value);
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const find = (selector, within = document) => within.querySelector(selector);

// Strangers' text keeps its own direction, whatever stands around it.
export const foreign = (tag, text, className) => el(tag, { class: className, dir: "auto", text: text ?? "" });

export const id = (text) => el("bdi", { class: "id", text });

const SHAPES = {
  inbox: "M3 13h5l1.5 3h5L16 13h5M5 5h14l2 8v6H3v-6z",
  message: "M4 5h16v11H11l-5 4v-4H4z",
  call: "M6 3l4 1 1 5-3 2a12 12 0 0 0 5 5l2-3 5 1 1 4c-1 2-3 3-5 2C9 18 5 14 4 8c-.6-2 0-4 2-5z",
  failed: "M12 3l10 18H2zM12 10v5M12 18v.5",
  template: "M4 4h16v16H4zM4 9h16M9 9v11",
  requests: "M3 8h14l-4-4M21 16H7l4 4",
  channels: "M5 12h14M5 6h14M5 18h14M8 4v4M15 10v4M10 16v4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  clip: "M8 12l5-5a3 3 0 0 1 4 4l-7 7a5 5 0 0 1-7-7l7-7",
  reply: "M10 6l-6 5 6 5v-3c5 0 8 1 10 5 0-6-4-9-10-9z",
  back: "M14 5l-7 7 7 7",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21",
  moon: "M20 14a8 8 0 1 1-9-11 7 7 0 0 0 9 11z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  system: "M3 5h18v12H3zM8 21h8M12 17v4",
  ok: "M4 12l5 6L20 6",
  cross: "M6 6l12 12M18 6L6 18",
  wait: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l4 2",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

// A state is always a word and a shape; its colour only helps.
export function badge(state, text, shape) {
  return el("span", { class: `badge ${state}` }, shape ? icon(shape) : null, el("span", { text }));
}
