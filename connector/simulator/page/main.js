// Joins the parts: what is new goes to each of them, and the address says what is shown.

import { Unreachable } from "./api.js";
import { CallView } from "./call.js";
import { Conversation } from "./conversation.js";
import { el, find, icon } from "./dom.js";
import { time } from "./format.js";
import { listen } from "./keys.js";
import { watch } from "./live.js";
import { Pulse, totals } from "./pulse.js";
import { channelState, drawViews, Rail } from "./rail.js";
import { Requests } from "./requests.js";
import { address, go, here, onRoute, shut } from "./route.js";
import { RequestView, Stream } from "./stream.js";
import { Templates, TemplateView } from "./templates.js";
import { Threads } from "./threads.js";

const narrow = matchMedia("(max-width: 819px)");
const requests = new Requests();
const detail = find("#detail");
const pulse = new Pulse(find("#pulse"));
const search = find("#q");
const VIEWS = { conversation: Conversation, call: CallView, template: TemplateView, request: RequestView };

const placeOf = (head) => ({ open: head.kind, in: head.channel, id: head.id });
// On a narrow page the list and what is opened do not stand side by side: only Enter or a tap opens.
const pass = (place) => !narrow.matches && go(place, { replace: Boolean(here().open) });
const enter = (place) => {
  go(place);
  detail.focus({ preventScroll: true });
};
const threads = new Threads(find("#threads"), {
  onOpen: (head) => pass(placeOf(head)),
  onEnter: (head) => enter(placeOf(head)),
});
const templatePlace = (one) => ({ open: "template", in: one.channel, id: one.external_id });
const templates = new Templates(find("#templates"), {
  onOpen: (one) => pass(templatePlace(one)),
  onEnter: (one) => enter(templatePlace(one)),
});
const requestPlace = (one) => ({ open: "request", in: "", id: String(one.seq) });
const stream = new Stream(find("#stream"), requests, {
  onOpen: (one) => pass(requestPlace(one)),
  onEnter: (one) => enter(requestPlace(one)),
});
const rail = new Rail({
  onChoose: (of) => go({ ...shut, ...of, view: here().view === "templates" ? "templates" : "inbox" }),
});

let shown = null;
let shownFilter = "";
let shownPlace = "";
let lookedAt = null;

async function follow() {
  const place = here();
  document.body.dataset.view = place.view;
  document.body.dataset.open = String(Boolean(place.open));
  drawViews();
  rail.chosen();
  drawTitles(place);
  if (document.activeElement !== search) search.value = place.q;
  for (const input of document.querySelectorAll("[name=kind]")) input.checked = input.value === place.kind;
  await Promise.all([filter(place), openPlace(place)]).catch(lost);
}

function drawTitles(place) {
  const about = place.channel || place.company;
  find("#threads-title").textContent = about || "Inbox";
  const all = find("#threads-all");
  all.hidden = !about;
  find("#threads-state").replaceChildren(...[channelState(rail.channel(place.channel))].filter(Boolean));
  all.setAttribute("href", address({ ...shut, channel: "", company: "" }));
  const names = {
    inbox: about || "Inbox",
    templates: "Templates",
    requests: "Requests",
    channels: "Channels",
  };
  document.title = `${names[place.view] ?? "Inbox"} · Front simulator`;
}

async function filter({ view, q, kind, channel, company }) {
  const wanted = { q, channel, company };
  const list = view === "templates" ? templates : threads;
  if (list === threads) wanted.kind = kind;
  const version = JSON.stringify([view === "templates", wanted]);
  if (version === shownFilter) return;
  shownFilter = version;
  await list.show(wanted);
}

async function openPlace(place) {
  const version = place.open ? JSON.stringify([place.open, place.in, place.id]) : "";
  if (version === shownPlace) return;
  shownPlace = version;
  if (!place.open) {
    shown = null;
    nothingOpen();
    return;
  }
  const View = VIEWS[place.open];
  const list = { template: templates, request: stream }[place.open] ?? threads;
  list.list.activate(
    place.open === "request" ? `request\n\n${place.id}` : `${place.open}\n${place.in}\n${place.id}`,
  );
  const box = el("div", { class: "opened" });
  const view = View ? new View(box, place, requests) : null;
  const found = view !== null && (await view.open());
  if (shownPlace !== version) return;
  shown = found ? view : null;
  if (found) {
    detail.replaceChildren(box);
    // A long conversation is shown from its end, which is known only once it is in the page.
    view.shown?.();
  } else gone(place);
}

function nothingOpen() {
  detail.replaceChildren(
    el(
      "div",
      { class: "empty big" },
      icon("inbox"),
      el("h2", { text: "Nothing opened" }),
      el(
        "p",
        {},
        "Choose a conversation, a call or a request. ",
        el("kbd", { text: "j" }),
        " and ",
        el("kbd", { text: "k" }),
        " go through the list, ",
        el("kbd", { text: "?" }),
        " shows all keys.",
      ),
    ),
  );
}

function gone(place) {
  const what = VIEWS[place.open] ? place.open : "item";
  detail.replaceChildren(
    el(
      "div",
      { class: "empty big" },
      icon("search"),
      el("h2", { text: `This ${what} is not here` }),
      el("p", {
        text:
          what === "request"
            ? "The page keeps the newest 2,000 requests."
            : "The simulator does not have it: it may have been started anew.",
      }),
      el("p", {}, el("a", { class: "go", href: "#", text: "To the inbox" })),
    ),
  );
}

async function news(live, { first, anew }) {
  const now = performance.now();
  if (anew) forget();
  requests.add(live.requests, live.again, live.skipped);
  pulse.add(live.outcomes, lookedAt === null ? 1 : (now - lookedAt) / 1000);
  lookedAt = now;
  totals(live);
  stream.draw();
  const stored = [...live.requests, ...live.again].some((request) => request.stored) || live.skipped > 0;
  const tasks = [rail.refresh({ now: first || anew })];
  if (first) tasks.push(follow());
  else if (anew || stored) tasks.push(refreshList(), refreshOpen(live, anew));
  else if (here().open === "request") tasks.push(refreshOpen(live, anew));
  await Promise.all(tasks);
  drawTitles(here());
  linked();
}

const refreshList = () => (here().view === "templates" ? templates : threads).refresh();

async function refreshOpen(live, anew) {
  const place = here();
  if (!place.open) return;
  if (!shown || anew) {
    shownPlace = "";
    await openPlace(place);
    return;
  }
  const touched = [...live.requests, ...live.again].some(
    (request) =>
      request.channel === place.in &&
      [request.conversation_id, request.call_id, request.external_id].includes(place.id),
  );
  if (touched || live.skipped > 0 || place.open === "request") await shown.refresh();
}

function forget() {
  requests.clear();
  pulse.reset();
  stream.reset();
  shownFilter = "";
  filter(here()).catch(lost);
}

function linked() {
  const box = find("#link");
  if (box.dataset.state === "live") return;
  box.dataset.state = "live";
  box.replaceChildren(el("span", { class: "dot", "aria-hidden": "true" }), el("span", { text: "Live" }));
  find("#lost").hidden = true;
}

function lost(error) {
  const box = find("#link");
  const gone = error instanceof Unreachable;
  if (box.dataset.state === "lost") return;
  box.dataset.state = "lost";
  box.replaceChildren(
    el("span", { class: "dot", "aria-hidden": "true" }),
    el("span", { text: gone ? "No answer" : "Trouble" }),
  );
  find("#lost").hidden = false;
  const since = lookedAt === null ? "" : ` What is shown is as of ${time(Date.now() / 1000)}.`;
  find("#lost").textContent = gone
    ? `The simulator does not answer; it may have been stopped.${since} This page looks again by itself.`
    : `The simulator answered in a way this page does not know (${error.message}). It looks again by itself.`;
  if (!gone) throw error;
}

function currentList() {
  const { view } = here();
  return { templates, requests: stream }[view]?.list ?? threads.list;
}

function nextTheme() {
  const chosen = globalThis.theme.next();
  drawTheme();
  return chosen;
}

function drawTheme() {
  const chosen = globalThis.theme.chosen;
  const name = { system: "as the system", light: "light", dark: "dark" }[chosen];
  find("#theme").replaceChildren(
    icon({ system: "system", light: "sun", dark: "moon" }[chosen]),
    el("span", { class: "visually-hidden", text: `Colours: ${name}. Change` }),
  );
  find("#theme").title = `Colours: ${name} (t)`;
}

function back(event) {
  if (event.target === search) {
    if (search.value) {
      search.value = "";
      go({ q: "" }, { replace: true });
    } else search.blur();
  } else if (here().open) {
    go(shut);
    currentList().box.focus();
  } else if (here().q) go({ q: "" });
}

function help() {
  find("#help").showModal();
}

let typed = null;
search.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(
    () =>
      go(
        {
          ...(narrow.matches ? shut : {}),
          q: search.value.trim(),
          view: here().view === "templates" ? "templates" : "inbox",
        },
        { replace: true },
      ),
    180,
  );
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  const { box } = currentList();
  box.focus();
  currentList().move(1);
});
find("#search").addEventListener("submit", (event) => event.preventDefault());
for (const input of document.querySelectorAll("[name=kind]")) {
  input.addEventListener("change", () => go({ ...shut, kind: input.value }));
}
find("#theme").addEventListener("click", nextTheme);
find("#help-open").addEventListener("click", help);
find("#help-close").addEventListener("click", () => find("#help").close());
find("#help").addEventListener("click", (event) => event.target === find("#help") && find("#help").close());
find("#skip").addEventListener("click", (event) => {
  event.preventDefault();
  currentList().box.focus();
});
for (const slot of document.querySelectorAll("[data-icon]")) slot.prepend(icon(slot.dataset.icon));
listen({
  down: () => currentList().move(1),
  up: () => currentList().move(-1),
  enter: () => currentList().enter(),
  search: () => {
    search.focus();
    search.select();
  },
  inbox: () => go({ ...shut, view: "inbox" }),
  templates: () => go({ ...shut, view: "templates" }),
  requests: () => go({ ...shut, view: "requests" }),
  pause: () => stream.toggle(),
  theme: nextTheme,
  help,
  back,
});
onRoute(follow);
drawTheme();
drawViews();
nothingOpen();
document.body.dataset.view = here().view;
document.body.dataset.open = String(Boolean(here().open));
watch({ onNews: news, onLost: lost });
