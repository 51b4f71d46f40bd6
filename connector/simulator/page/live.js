// Looks at what is new once a second, from where it left off; not while nobody sees the page.

import { get } from "./api.js";

const EVERY_MS = 1000;
const SLOWEST_MS = 5000;
const OPEN_MAX = 200;

export function watch({ onNews, onLost }) {
  let run = null;
  let after = 0;
  let timer = null;
  let busy = false;
  let failures = 0;
  const open = new Set();

  async function look() {
    if (busy || document.hidden) return;
    busy = true;
    clearTimeout(timer);
    try {
      await ask();
      failures = 0;
    } catch (error) {
      failures += 1;
      onLost(error);
    }
    busy = false;
    if (!document.hidden)
      timer = setTimeout(look, Math.min(SLOWEST_MS, EVERY_MS * 2 ** Math.min(failures, 3)));
  }

  async function ask() {
    let news = await get("inbox/live", { after, open: [...open].join(",") });
    const anew = run !== null && news.run !== run;
    if (anew) {
      // Another run counts from 1 again.
      open.clear();
      news = await get("inbox/live", { after: 0 });
    }
    const first = run === null;
    run = news.run;
    after = news.arrived;
    for (const request of [...news.again, ...news.requests]) {
      if (request.status === null && open.size < OPEN_MAX) open.add(request.seq);
      else if (request.status !== null) open.delete(request.seq);
    }
    await onNews(news, { first, anew });
  }

  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  look();
}
