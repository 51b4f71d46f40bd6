"use strict";
// Everything shown came over the wire from outside: text goes in by textContent alone, never as HTML.

const PAUSE_MS = 1500;
const REQUESTS_SHOWN = 25;
const ITEMS_SHOWN = 12;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = String(text);
  if (className) made.className = className;
  return made;
}

function statusClass(status) {
  const number = Number(status);
  return number >= 200 && number < 300 ? "good" : "bad";
}

function showCounts(summary) {
  const operations = Object.entries(summary.operations).sort(([a], [b]) => a.localeCompare(b));
  const statuses = [...new Set(operations.flatMap(([, counts]) => Object.keys(counts)))].sort();
  const head = element("tr");
  for (const name of ["Operation", ...statuses]) {
    const cell = element("th", name);
    cell.scope = "col";
    head.append(cell);
  }
  const rows = operations.map(([name, counts]) => {
    const row = element("tr");
    row.append(element("td", name));
    for (const status of statuses) row.append(element("td", counts[status] ?? "", statusClass(status)));
    return row;
  });
  document.querySelector("#counts thead").replaceChildren(head);
  document.querySelector("#counts tbody").replaceChildren(...rows);
  const stored = summary.stored;
  document.querySelector("#totals").textContent =
    `${summary.arrived} requests · ${summary.in_flight} in flight (peak ${summary.in_flight_peak}) · ` +
    `${stored.messages} messages in ${stored.conversations} conversations · ${stored.calls} calls · ` +
    `${stored.templates} templates`;
}

function showRequests(requests) {
  const rows = requests.toReversed().map((request) => {
    const row = element("tr");
    const status = request.status ?? "under way";
    const thread = request.call_id ?? request.conversation_id;
    const remark = [request.fault && `fault: ${request.fault}`, request.remark].filter(Boolean).join(" · ");
    const cells = [request.seq, request.operation ?? "no route", request.channel, thread, request.external_id];
    row.append(...cells.map((cell) => element("td", cell ?? "")));
    row.append(element("td", status, request.status === null ? "" : statusClass(status)), element("td", remark));
    return row;
  });
  document.querySelector("#requests tbody").replaceChildren(...rows);
}

function item(direction, text, meta, failed) {
  const box = element("div", undefined, direction === "outbound" ? "item outbound" : "item");
  box.append(element("p", text), element("p", meta, failed ? "meta bad" : "meta"));
  return box;
}

function conversation(channel, id, messages) {
  const card = element("article");
  card.append(element("h3", id), element("p", `${channel} · ${messages.length} messages`, "meta"));
  for (const message of messages.slice(-ITEMS_SHOWN)) {
    const fields = message.fields;
    const who = message.direction === "inbound"
      ? fields.sender.name ?? fields.sender.handle
      : fields.sender_name ?? "outbound";
    const files = message.files.map((file) => file.name).join(", ");
    const failed = message.failed ? `failed${message.reason ? `: ${message.reason}` : ""}` : "";
    const meta = [who, message.external_id, files, failed].filter(Boolean).join(" · ");
    card.append(item(message.direction, fields.subject ? `${fields.subject}\n${fields.body}` : fields.body, meta, message.failed));
  }
  return { card, seq: Math.max(...messages.map((message) => message.seq)) };
}

function call(channel, id, leg) {
  const card = element("article");
  const states = leg.states.map((state) => (state.applied ? state.status : `(${state.status} ignored)`)).join(" → ");
  card.append(element("h3", `Call ${id}`), element("p", `${channel} · ${leg.fields.direction}`, "meta"), element("p", states));
  for (const one of leg.recordings) {
    card.append(item("inbound", `Recording: ${one.files.map((file) => file.name).join(", ")}`, one.fields.recording_type));
  }
  for (const one of leg.summaries) card.append(item("inbound", one.fields.content, "summary"));
  for (const one of leg.transcripts) {
    for (const line of one.fields.lines.slice(0, ITEMS_SHOWN)) {
      card.append(item(line.speaker_type === "internal" ? "outbound" : "inbound", line.content, line.speaker_name));
    }
  }
  const assets = [...leg.recordings, ...leg.summaries, ...leg.transcripts, ...leg.states];
  return { card, seq: Math.max(leg.seq, ...assets.map((one) => one.seq)) };
}

function showInbox(accepted) {
  const cards = [];
  for (const company of Object.values(accepted.companies)) {
    for (const [channel, inbox] of Object.entries(company.channels)) {
      for (const [id, messages] of Object.entries(inbox.conversations)) cards.push(conversation(channel, id, messages));
      for (const [id, leg] of Object.entries(inbox.calls)) cards.push(call(channel, id, leg));
    }
  }
  cards.sort((a, b) => b.seq - a.seq);
  document.querySelector("#empty").hidden = cards.length > 0;
  document.querySelector("#inbox").replaceChildren(...cards.map(({ card }) => card));
}

async function json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

let arrived = -1;

async function refresh() {
  try {
    const summary = await json("/_sim/summary");
    showCounts(summary);
    // Requests under way still change: the rest is fetched again until all are answered.
    if (summary.arrived !== arrived || summary.in_flight > 0) {
      showRequests((await json(`/_sim/requests?limit=${REQUESTS_SHOWN}`)).requests);
      showInbox(await json(`/_sim/accepted?limit=${ITEMS_SHOWN}`));
      arrived = summary.in_flight > 0 ? -1 : summary.arrived;
    }
  } catch {
    document.querySelector("#totals").textContent = "The simulator does not answer.";
    arrived = -1;
  }
  setTimeout(refresh, PAUSE_MS);
}

refresh();
