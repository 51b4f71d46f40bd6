// Numbers, times and names as people read them. Pure functions.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const short = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const day = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const whole = new Intl.NumberFormat(undefined);

const valid = (seconds) => Number.isFinite(seconds) && Math.abs(seconds) < 8.64e12;

export const number = (value) => whole.format(value);
export const time = (seconds) => (valid(seconds) ? clock.format(seconds * 1000) : "–");
export const dayOf = (seconds) => (valid(seconds) ? day.format(seconds * 1000) : "Unknown day");

// Today's times, other days' dates.
export function moment(seconds) {
  if (!valid(seconds)) return "–";
  const then = new Date(seconds * 1000);
  return then.toDateString() === new Date().toDateString() ? short.format(then) : date.format(then);
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1000).toFixed(count < 1e4 ? 1 : 0)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function offset(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const all = Math.max(0, Math.floor(seconds));
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}

export function initials(name) {
  const words = String(name).match(/[\p{L}\p{N}]+/gu) ?? [];
  if (!words.length) return "·";
  // A number alone is told from others by its end.
  if (!/\p{L}/u.test(name)) return words.at(-1).slice(-2);
  const taken = words.length > 1 && /\p{L}/u.test(words[0]) ? [words[0], words.at(-1)] : [words[0]];
  return taken
    .map((word) => [...word][0])
    .join("")
    .toUpperCase();
}

// One of six tints, the same for the same person every time.
export function tint(text) {
  let sum = 7;
  for (const character of String(text)) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % 6;
}

const OPERATIONS = {
  "update-channel": "Channel status",
  "sync-application-message-template": "Template sync",
  "update-application-message-template": "Template update",
  "create-call": "Call created",
  "update-call": "Call state",
  "add-call-recording": "Recording",
  "add-call-summary": "Summary",
  "add-call-transcript": "Transcript",
  "update-external-message-status": "Message failed",
  "sync-inbound-message": "Message in",
  "sync-outbound-message": "Message out",
};

export const operation = (name) => OPERATIONS[name] ?? name ?? "No such route";
