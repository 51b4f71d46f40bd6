// A message's body, HTML or plain text from strangers, as elements made anew: never by innerHTML.
//
// The text is parsed in a document without a window, where nothing runs or loads; from there only the words, and
// formatting from a short list, are built again with neither attributes nor handlers. The page's Content-Security-Policy
// would stop what this forgot.

import { el } from "./dom.js";

const names = (text) => new Set(text.trim().split(/\s+/));
const KEPT = names(`
  P DIV SPAN BR B STRONG I EM U S DEL INS SMALL SUB SUP BLOCKQUOTE PRE CODE
  UL OL LI DL DT DD TABLE THEAD TBODY TR TH TD HR
`);
const DROPPED = names(`
  SCRIPT STYLE HEAD TITLE META LINK BASE TEMPLATE NOSCRIPT IFRAME FRAME FRAMESET OBJECT EMBED APPLET
  SVG MATH AUDIO VIDEO CANVAS SELECT
`);
const LINKS = /^(https?|mailto|tel):/i;
const DEEPEST = 40;
const NODES_MAX = 4000;

export function body(text) {
  const shown = el("div", { class: "body", dir: "auto" });
  const looksLikeHtml = /<[a-z!/][^>]*>|&(#\d+|#x[\da-f]+|[a-z]\w*);/i.test(text);
  if (!looksLikeHtml) {
    shown.classList.add("plain");
    shown.textContent = text;
    return shown;
  }
  if (!/<[a-z!/][^>]*>/i.test(text)) shown.classList.add("plain");
  const parsed = new DOMParser().parseFromString(text, "text/html");
  const budget = { nodes: NODES_MAX };
  copy(parsed.body, shown, 0, budget);
  if (budget.nodes <= 0) shown.append(el("p", { class: "note", text: "The rest is cut: see its fields." }));
  if (!shown.textContent.trim() && !shown.firstElementChild) {
    shown.append(el("span", { class: "note", text: "Nothing to show in this body" }));
  }
  return shown;
}

function copy(from, to, depth, budget) {
  for (const node of from.childNodes) {
    budget.nodes -= 1;
    if (budget.nodes <= 0 || depth > DEEPEST) return;
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    else if (node.nodeType === Node.ELEMENT_NODE) element(node, to, depth, budget);
  }
}

function element(node, to, depth, budget) {
  const name = node.nodeName.toUpperCase();
  if (DROPPED.has(name)) return;
  if (name === "IMG") {
    to.append(picture(node));
    return;
  }
  let made = to;
  if (name === "A") made = link(node);
  else if (/^H[1-6]$/.test(name)) made = el("p", { class: "heading" });
  else if (KEPT.has(name)) made = document.createElement(name);
  if (made !== to) {
    const direction = node.getAttribute("dir");
    if (direction === "rtl" || direction === "ltr") made.dir = direction;
    to.append(made);
  }
  copy(node, made, depth + 1, budget);
}

function link(node) {
  const to = (node.getAttribute("href") ?? "").trim();
  if (!LINKS.test(to)) return el("span", { class: "dead-link" });
  return el("a", { href: to, target: "_blank", rel: "noopener noreferrer nofollow", title: to });
}

// A picture of another host would tell it who reads; it is named and not loaded.
function picture(node) {
  const said = node.getAttribute("alt")?.trim();
  return el("span", {
    class: "blocked",
    text: said ? `[picture not loaded: ${said}]` : "[picture not loaded]",
  });
}
