// Where the user is, kept in the address behind #, so that Back, reload and a copied link work.

const NAMES = ["view", "kind", "channel", "company", "q", "open", "in", "id"];

export function here() {
  const given = new URLSearchParams(location.hash.slice(1));
  const place = Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""]));
  place.view ||= "inbox";
  place.kind ||= "all";
  return place;
}

export function address(changes) {
  const place = { ...here(), ...changes };
  if (place.view === "inbox") place.view = "";
  if (place.kind === "all") place.kind = "";
  const query = new URLSearchParams();
  for (const name of NAMES) if (place[name]) query.set(name, place[name]);
  return `#${query}`;
}

// `replace`: no step in the history, as for moving along a list.
export function go(changes, { replace = false } = {}) {
  const to = address(changes);
  if (to === (location.hash || "#")) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  dispatchEvent(new Event("route"));
}

export function onRoute(listener) {
  for (const name of ["route", "popstate", "hashchange"]) addEventListener(name, listener);
}

export const shut = { open: "", in: "", id: "" };
