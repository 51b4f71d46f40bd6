"use strict";
// Reads /status.json every two seconds and shows it. Everything is set as text: nothing of it is ever read as HTML.
(() => {
  const EVERY_MS = 2000;
  const ANSWER_WITHIN_MS = 5000;
  const byId = (id) => document.getElementById(id);
  let stopped = false;
  let lastGood = 0;

  const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
  const DAY_S = 86400;
  const clock = (unix, at) => {
    const time = new Date(unix * 1000);
    const today = at === undefined || at - unix < DAY_S / 2;
    return (today ? "" : `${time.toLocaleDateString("en-CA")} `) + time.toLocaleTimeString("en-GB");
  };
  const words = (text) => String(text).replaceAll("_", " ");

  function age(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    for (const [size, unit, smaller, sub] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
      if (whole >= size) {
        const rest = Math.floor((whole % size) / smaller);
        return rest ? `${Math.floor(whole / size)} ${unit} ${rest} ${sub}` : `${Math.floor(whole / size)} ${unit}`;
      }
    }
    return `${whole} s`;
  }

  function element(tag, properties, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (name === "class") made.className = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const badge = (tone, text) => element("span", { class: "badge", "data-tone": tone }, text);
  const code = (text) => element("code", {}, text);

  // A table is made once and its rows are replaced, so that a scroll position and a focus stay.
  const tables = new Map();
  function table(id, title, columns, rows, none, hint) {
    let known = tables.get(id);
    if (!known) {
      const heading = element("h2", { id: `${id}-title` }, title);
      const note = element("span", { class: "hint" });
      const head = element("tr", { role: "row" });
      for (const [label, kind] of columns) {
        head.append(element("th", { scope: "col", role: "columnheader", class: kind ?? "" }, label));
      }
      const body = element("tbody", { role: "rowgroup" });
      const made = element("table", { role: "table", "aria-labelledby": `${id}-title` },
        element("thead", { role: "rowgroup" }, head), body);
      const scroll = element("div", { class: "scroll" }, made);
      byId("sections").append(element("section", { class: "card", "aria-labelledby": `${id}-title` },
        element("header", {}, heading, note), scroll));
      known = { note, body, scroll };
      tables.set(id, known);
    }
    known.note.textContent = rows.length ? hint ?? "" : none;
    known.scroll.hidden = rows.length === 0;
    known.body.replaceChildren(...rows.map((cells) => {
      const row = element("tr", { role: "row" });
      cells.forEach((cell, at) => {
        const [label, kind] = columns[at];
        row.append(element("td", { role: "cell", class: kind ?? "", "data-label": label }, cell));
      });
      return row;
    }));
    // Only what scrolls needs to be reached by the keyboard.
    if (known.scroll.scrollWidth > known.scroll.clientWidth) {
      known.scroll.setAttribute("tabindex", "0");
      known.scroll.setAttribute("role", "region");
      known.scroll.setAttribute("aria-labelledby", `${id}-title`);
    } else {
      for (const name of ["tabindex", "role", "aria-labelledby"]) known.scroll.removeAttribute(name);
    }
  }

  function figures(now) {
    const { counts, generated_at: at, oldest_in_flight: oldest } = now;
    const figure = (label, value, small) => element("div", {}, element("dt", {}, label),
      element("dd", {}, value, element("small", {}, small)));
    const since = (then) => (then === null ? "never" : `${age(at - then)} ago`);
    const lease = now.lease_remaining_s;
    byId("figures").replaceChildren(
      figure("Lag", number(counts.lag), `${number(counts.unsettled)} unsettled here`),
      figure("In flight", number(counts.in_flight),
        oldest ? `oldest ${age(at - oldest.since_wall)}: ${oldest.topic}-${oldest.partition} @ ${oldest.offset}` : "nothing is under way"),
      figure("Queued", number(counts.queued), `${number(counts.partitions)} partitions assigned`),
      figure("Blocked keys", number(counts.blocked_keys), counts.blocked_keys ? "see below" : "no key waits"),
      figure("Last accepted", since(now.last_accepted_at), "by Front"),
      figure("Last poll", since(now.last_poll_at), lease === null ? "no lease" : `lease ${lease > 0 ? age(lease) : "ended"}`),
    );
  }

  function sections(now) {
    const at = now.generated_at;
    const lasting = (then) => age(at - then);
    const place = (row) => `${row.topic}-${row.partition} @ ${row.offset}`;
    table("holds", "Holds", [["Scope"], ["Name"], ["Reason"], ["For", "number"]],
      now.holds.map((hold) => [badge("bad", words(hold.scope)), hold.name, words(hold.reason), lasting(hold.since_wall)]),
      "Nothing holds.");
    table("blocked", "Blocked keys",
      [["Key (hash)"], ["First record"], ["Reason"], ["For", "number"], ["Attempts", "number"], ["Next attempt"]],
      now.blocked_keys.map((key) => [code(key.key_hash), place(key), key.reason === null ? "–" : `${words(key.reason)} · ${key.operation}`,
        lasting(key.since_wall), number(key.attempts),
        key.next_wall === null ? "as limits allow" : `in ${age(key.next_wall - at + 1)}`]),
      "No key waits after a failure.",
      now.counts.blocked_keys > now.blocked_keys.length
        ? `the oldest ${now.blocked_keys.length} of ${number(now.counts.blocked_keys)}` : "");
    table("circuits", "Circuits", [["App"], ["State"], ["For", "number"]],
      now.circuits.map((circuit) => [circuit.app,
        badge(circuit.state === "closed" ? "good" : circuit.state === "half_open" ? "attention" : "bad", words(circuit.state)),
        circuit.since_wall === null ? "–" : lasting(circuit.since_wall)]),
      "No app is configured.");
    table("partitions", "Partitions",
      [["Partition"], ["Lag", "number"], ["Unsettled", "number"], ["In flight", "number"], ["Committed", "number"],
        ["Position", "number"], ["End", "number"], ["Reading"]],
      now.partitions.map((part) => [`${part.topic}-${part.partition}`, number(part.lag), number(part.unsettled),
        number(part.in_flight), number(part.committed), number(part.position), number(part.end),
        part.paused === null ? badge("good", "reads") : badge("attention", `paused: ${words(part.paused)}`)]),
      "No partition is assigned to this process.");
    const { waits, companies } = now.pacing;
    table("pacing", "Pacing", [["Scope"], ["Name"], ["Used"], ["Until", "number"]],
      [...waits.map((wait) => [badge("attention", `${wait.scope}: 429`), wait.name, "waits as Front said",
        `in ${age(wait.until_wall - at + 1)}`]),
      ...companies.map((pace) => ["company", pace.company, `${pace.started} of ${pace.limit} this minute`, "–"])],
      "No limit is in use.");
    table("recent", "Recent warnings and errors", [["When"], ["Event"], ["What"], ["Where"]],
      now.recent.map((line) => [clock(Date.parse(line.timestamp) / 1000, at),
        badge(line.level === "warning" ? "attention" : "bad", line.event), what(line),
        line.topic === undefined ? "–" : [line.topic, line.partition].filter((part) => part !== undefined).join("-")
          + (line.offset === undefined ? "" : ` @ ${line.offset}`)]),
      "None since the start.", now.recent.length ? "newest first; the log has the rest" : "");
    const reloads = now.mappings.reloads.map((reload) => [words(reload.kind),
      reload.successful ? badge("good", "in use as read") : badge("bad", "refused"), ""]);
    table("running", "What runs", [["Thing"], ["Value"], ["Since"]], [
      ["mappings", code(now.mappings.hash.slice(0, 12)), now.mappings.since === null ? "the start" : clock(now.mappings.since, at)],
      ["settings", code(now.config_hash.slice(0, 12)), "the start"],
      ...reloads.map(([kind, value]) => [`reload: ${kind}`, value, "–"]),
      ["channel rows", number(now.counts.channel_rows), "–"],
      ["cached schemas", number(now.counts.schema_cache_entries), "–"],
      ...Object.entries(now.loggers).map(([name, logger]) => [`log level: ${name}`, logger.level,
        logger.last_modified === null ? "the start" : clock(logger.last_modified / 1000, at)]),
    ], "");
  }

  function what(line) {
    const said = [line.scope, line.reason, line.stage, line.kind, line.state].filter((part) => part !== undefined).map(words);
    said.push(...[line.error_type, line.operation, line.status].filter((part) => part !== undefined));
    if (line.code !== undefined) said.push(`code ${line.code}`);
    if (line.suppressed) said.push(`and ${number(line.suppressed)} more like it`);
    return said.join(" · ") || "–";
  }

  function show(now) {
    document.title = `${now.verdict.headline} – ${now.name}`;
    byId("name").textContent = now.name;
    byId("instance").textContent = `${now.instance} · up ${age(now.generated_at - now.started_at)}`;
    byId("verdict").dataset.tone = now.verdict.tone;
    const headline = byId("headline");
    if (headline.textContent !== now.verdict.headline) headline.textContent = now.verdict.headline;
    byId("because").replaceChildren(...now.verdict.because.map((why) => element("li", {}, why)));
    figures(now);
    sections(now);
    const { version, revision, python, librdkafka } = now.versions;
    byId("footer").replaceChildren(...[`front-connector ${version}`, `revision ${revision}`, `Python ${python}`,
      `librdkafka ${librdkafka}`].map((text) => element("span", {}, text)));
    byId("main").setAttribute("aria-busy", "false");
    byId("fresh").textContent = `as of ${clock(now.generated_at)}`;
  }

  function complain(why) {
    const stale = byId("stale");
    const said = lastGood ? `No answer since ${clock(lastGood / 1000)} (${why}): what follows is old.` : `No answer yet (${why}).`;
    if (stale.textContent !== said) stale.textContent = said;
    stale.hidden = false;
  }

  async function look() {
    try {
      const answer = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      show(await answer.json());
      lastGood = Date.now();
      byId("stale").hidden = true;
    } catch (error) {
      complain(error.name === "TimeoutError" ? "it takes too long" : error.message);
    }
  }

  async function follow() {
    if (!stopped && !document.hidden) await look();
    setTimeout(follow, EVERY_MS);
  }

  byId("pause").addEventListener("click", (event) => {
    stopped = !stopped;
    event.target.textContent = stopped ? "Refresh again" : "Stop refreshing";
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !stopped) look(); });
  follow();
})();
