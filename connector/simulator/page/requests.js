// The newest requests, a bounded number of them, and the words for what became of each.

export const KEPT_MAX = 2000;

export class Requests {
  #kept = [];

  // How many came faster than they could be listed.
  skipped = 0;

  get newestFirst() {
    return this.#kept.toReversed();
  }

  clear() {
    this.#kept = [];
    this.skipped = 0;
  }

  // `again`: entries known already, now with their answer.
  add(requests, again, skipped = 0) {
    this.skipped += skipped;
    if (again.length) {
      const answered = new Map(again.map((request) => [request.seq, request]));
      this.#kept = this.#kept.map((request) => answered.get(request.seq) ?? request);
    }
    const last = this.#kept.at(-1)?.seq ?? 0;
    this.#kept.push(...requests.filter((request) => request.seq > last));
    if (this.#kept.length > KEPT_MAX) this.#kept.splice(0, this.#kept.length - KEPT_MAX);
  }

  get(seq) {
    return this.#kept.find((request) => request.seq === seq);
  }
}

export function verdict(request) {
  const status = request.status;
  if (status === null) return "open";
  if (typeof status === "string") return "broken";
  if (status === 429) return "limited";
  return status >= 200 && status < 300 ? "accepted" : "refused";
}

const VERDICTS = {
  open: ["busy", "Under way", "wait"],
  broken: ["bad", "No answer", "cross"],
  limited: ["wait", "Too many", "wait"],
  accepted: ["good", "Accepted", "ok"],
  refused: ["bad", "Refused", "cross"],
};

// The colour, the word and the shape of a verdict.
export const look = (request) => VERDICTS[verdict(request)];

const ENDINGS = {
  dropped: "The connection was closed instead of an answer",
  hung: "No answer was given",
  gone: "The client went away before the end of its request",
};

const REMARKS = {
  "rate limit": "The company's limit, rpm",
  "tier limit": "The channel's limit, tier_rps",
  "body refused": "The body does not satisfy the contract",
  "body not readable": "The body is not readable",
  "too large": "The request is larger than the size limit",
  "no such route": "No operation has this method and path",
  "unknown channel": "No channel of this world has this id",
  "channel of another app": "The channel belongs to another app",
  "duplicate dropped": "Dropped: the channel has a message with this external id",
  "templates switched off": "Templates are not switched on for this channel",
};

// Why, in a sentence; empty when all went as it should. `brief`: the places of a body instead of what they have in common.
export function why(request, { brief = false } = {}) {
  const said = [];
  if (brief && request.details?.length) return request.details.join("; ");
  if (request.fault) said.push(`A fault rule struck: ${request.fault.replaceAll("_", " ")}`);
  if (typeof request.status === "string") said.push(ENDINGS[request.status] ?? request.status);
  if (request.remark) {
    const remark = REMARKS[request.remark] ?? request.remark.replace(/^./, (letter) => letter.toUpperCase());
    said.push(request.details?.length ? `${remark}: ${request.details.join("; ")}` : remark);
  }
  if (request.dropped_keys?.length)
    said.push(`Keys that Front does not know were dropped: ${request.dropped_keys.join(", ")}`);
  return said.join(". ");
}

// The conversation, call or template that a request is about.
export function target(request) {
  if (!request.channel) return null;
  if (request.call_id) return { open: "call", in: request.channel, id: request.call_id };
  if (request.conversation_id)
    return { open: "conversation", in: request.channel, id: request.conversation_id };
  if (request.external_id) return { open: "template", in: request.channel, id: request.external_id };
  return null;
}
