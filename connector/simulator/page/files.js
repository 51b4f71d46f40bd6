// Files of messages and calls: pictures in place, recordings to play, others to open or save.

import { fileUrl } from "./api.js";
import { el, foreign, icon } from "./dom.js";
import { bytes } from "./format.js";

const PICTURES = /^image\/(png|jpe?g|gif|webp|avif|bmp)$/i;
const GONE = "The simulator no longer keeps the bytes of this file.";

// Marks that turn the direction of text could make a name end in another type than it has.
const plain = (name) =>
  (name || "").replace(/[\u0000-\u001f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

const typeOf = (file) => (file.content_type ?? "").split(";")[0].trim();

export function attachment(file) {
  if (file.bytes > 0 && PICTURES.test(typeOf(file))) return picture(file);
  if (file.bytes > 0 && /^audio\//i.test(typeOf(file))) return player(file);
  return card(file);
}

export const attachments = (files) =>
  files.length ? el("div", { class: "files" }, ...files.map(attachment)) : null;

function caption(file) {
  return el(
    "span",
    { class: "file-name" },
    foreign("span", plain(file.name) || "without a name", "name"),
    el("span", { class: "meta", text: `${typeOf(file) || "unknown type"} · ${bytes(file.bytes)}` }),
  );
}

function card(file) {
  return el(
    "div",
    { class: "file" },
    el(
      "a",
      { class: "open", href: fileUrl(file), target: "_blank", rel: "noopener" },
      icon("file"),
      el("span", { class: "visually-hidden", text: "Open" }),
      caption(file),
    ),
    el(
      "a",
      { class: "save", href: fileUrl(file, true), download: file.name || "file" },
      "Save",
      el("span", { class: "visually-hidden", text: ` ${file.name || "file"}` }),
    ),
  );
}

// The box has its size before the picture is there, so that nothing jumps.
function picture(file) {
  const image = el("img", {
    src: fileUrl(file),
    alt: file.name || "Picture without a name",
    loading: "lazy",
    decoding: "async",
  });
  const open = el("a", { class: "picture", href: fileUrl(file), target: "_blank", rel: "noopener" }, image);
  image.addEventListener("error", () =>
    open.replaceChildren(el("span", { class: "note", text: "This picture cannot be shown." })),
  );
  return el("figure", { class: "figure" }, open, el("figcaption", {}, caption(file)));
}

export function player(file) {
  const audio = el("audio", {
    controls: true,
    preload: "metadata",
    src: fileUrl(file),
    "aria-label": `Play ${file.name || "recording"}`,
  });
  const box = el("div", { class: "player" }, audio, caption(file));
  audio.addEventListener("error", () => audio.replaceWith(el("p", { class: "note", text: GONE })), {
    once: true,
  });
  return box;
}
