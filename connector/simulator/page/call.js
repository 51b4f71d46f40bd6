// One leg of a call: its states on a line of time, the recording to play, the summary, the transcript.

import { get } from "./api.js";
import { badge, el, foreign, icon, id } from "./dom.js";
import { player } from "./files.js";
import { duration, offset, time } from "./format.js";
import { fields, titled } from "./head.js";
import { address } from "./route.js";
import { CALL_WORDS, callLook } from "./threads.js";

const LINES_DRAWN = 500;

export class CallView {
  #place;
  #parts = new Map();

  constructor(box, place) {
    this.#place = place;
    this.box = box;
  }

  async open() {
    const answer = await this.#get();
    if (answer === null) return false;
    this.heading = el("div", { class: "heading-box" });
    this.content = el("div", { class: "scroll call", tabindex: "0", role: "region", "aria-label": "Call" });
    this.box.replaceChildren(this.heading, this.content);
    this.#draw(answer);
    return true;
  }

  async refresh() {
    const answer = await this.#get();
    if (answer !== null) this.#draw(answer);
  }

  #get() {
    return get("inbox/call", { channel: this.#place.in, id: this.#place.id });
  }

  // A part is made anew only when it changed: a player that plays goes on.
  #draw(answer) {
    const { call } = answer;
    const state = badge(callLook(call.status), CALL_WORDS[call.status] ?? call.status);
    this.heading.replaceChildren(
      titled(answer, [state], `${call.fields.direction === "inbound" ? "Incoming" : "Outgoing"} call`),
    );
    const wanted = [
      ["states", [call.states, call.fields], () => timeline(call)],
      ["recordings", call.recordings, () => recordings(call.recordings)],
      ["summaries", call.summaries, () => summaries(call.summaries)],
      ["transcripts", call.transcripts, () => transcripts(call.transcripts, this.content)],
      ["legs", [answer.legs, call.fields.parent_external_call_id], () => legs(answer)],
      ["fields", call, () => el("section", { class: "part" }, fields(call, "All fields"))],
    ];
    wanted.forEach(([name, value, make], index) => {
      const version = JSON.stringify(value);
      const known = this.#parts.get(name);
      if (known?.version === version) return;
      const node = make();
      if (known) known.node.replaceWith(node);
      else this.content.insertBefore(node, this.content.children[index] ?? null);
      this.#parts.set(name, { version, node });
    });
  }
}

function part(title, ...children) {
  return el("section", { class: "part", "aria-label": title }, el("h3", { text: title }), ...children);
}

// `occurred_at` is in milliseconds; without it there is only the time of acceptance.
function moments(call) {
  const made = call.states.map((state) => ({
    ...state,
    at: Number.isFinite(state.occurred_at) ? state.occurred_at / 1000 : null,
  }));
  if (made.length && made[0].at === null && Number.isFinite(call.fields.started_at))
    made[0].at = call.fields.started_at / 1000;
  return made;
}

function timeline(call) {
  const states = moments(call);
  const applied = states.filter((state) => state.applied);
  const rows = states.map((state) => {
    const next = applied[applied.indexOf(state) + 1];
    const lasted = state.applied && next && state.at !== null && next.at !== null ? next.at - state.at : null;
    return el(
      "li",
      { class: `${callLook(state.status)}${state.applied ? "" : " ignored"}` },
      el("span", { class: "node", "aria-hidden": "true" }),
      el("strong", { text: CALL_WORDS[state.status] ?? state.status }),
      el("time", { class: "meta", text: state.at === null ? "time not given" : time(state.at) }),
      lasted === null ? null : el("span", { class: "meta", text: `for ${duration(lasted)}` }),
      state.applied ? null : badge("wait", "Ignored: its state does not allow it", "wait"),
    );
  });
  const agent = call.fields.agent_email_address;
  return part(
    "Timeline",
    strip(applied),
    el("ol", { class: "timeline" }, ...rows),
    agent ? el("p", { class: "facts" }, el("span", {}, "Agent ", el("bdi", { text: agent }))) : null,
  );
}

// The share of each state in the whole call, where the times say it.
function strip(states) {
  if (states.length < 2 || states.some((state) => state.at === null)) return null;
  const whole = states.at(-1).at - states[0].at;
  if (!(whole > 0)) return null;
  const pieces = states.slice(0, -1).map((state, index) => {
    const seconds = Math.max(0, states[index + 1].at - state.at);
    const piece = el(
      "span",
      { class: callLook(state.status) },
      el("span", { text: CALL_WORDS[state.status] ?? state.status }),
      el("span", { text: duration(seconds) }),
    );
    piece.style.flexGrow = Math.max(0.04, seconds / whole);
    return piece;
  });
  return el(
    "div",
    { class: "strip", role: "img", "aria-label": `Lasted ${duration(whole)} in all` },
    ...pieces,
  );
}

function recordings(all) {
  const shown = all.map((one) =>
    el(
      "div",
      { class: "recording" },
      el("p", {
        class: "meta",
        text: one.fields.recording_type === "voicemail" ? "Voicemail" : "Recording of the call",
      }),
      ...one.files.map(player),
    ),
  );
  return part("Recording", ...(shown.length ? shown : [nothing("No recording was sent.")]));
}

function summaries(all) {
  const shown = all.map((one) => foreign("p", one.fields.content, "summary"));
  return part("Summary", ...(shown.length ? shown : [nothing("No summary was sent.")]));
}

function transcripts(all, within) {
  const shown = all.map((one) => {
    const lines = one.fields.lines;
    const rows = lines.slice(0, LINES_DRAWN).map((line) =>
      el(
        "li",
        { class: line.speaker_type },
        el("button", {
          class: "stamp",
          type: "button",
          "aria-label": `Play from ${offset(line.start_time_seconds)}`,
          onclick: () => seek(within, line.start_time_seconds),
          text: offset(line.start_time_seconds),
        }),
        el("div", {}, foreign("strong", line.speaker_name), foreign("p", line.content)),
      ),
    );
    if (lines.length > LINES_DRAWN)
      rows.push(el("li", {}, nothing(`${lines.length - LINES_DRAWN} more lines: see all fields.`)));
    return el("ol", { class: "transcript" }, ...rows);
  });
  return part("Transcript", ...(shown.length ? shown : [nothing("No transcript was sent.")]));
}

function seek(within, seconds) {
  const audio = within.querySelector("audio");
  if (!audio) return;
  audio.currentTime = Math.min(seconds, Number.isFinite(audio.duration) ? audio.duration : seconds);
  audio.play().catch(() => {});
}

function legs(answer) {
  const parent = answer.call.fields.parent_external_call_id;
  const others = answer.legs.map((leg) =>
    el(
      "li",
      {},
      el("a", { href: address({ open: "call", in: answer.channel, id: leg.id }) }, icon("call"), id(leg.id)),
      badge(callLook(leg.status), CALL_WORDS[leg.status] ?? leg.status),
    ),
  );
  if (!others.length) return el("div", { hidden: true });
  return part(
    "Other legs",
    el("p", { class: "meta" }, "Threaded by ", id(parent)),
    el("ul", { class: "legs" }, ...others),
  );
}

const nothing = (text) => el("p", { class: "note", text });
