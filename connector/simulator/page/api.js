// Asks the simulator. Answers are JSON; anything else is an error with a sentence.

export class Unreachable extends Error {}

export async function get(path, params = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") query.set(key, value);
  }
  const text = query.toString();
  let answer;
  try {
    answer = await fetch(`/_sim/${path}${text ? `?${text}` : ""}`, { signal: AbortSignal.timeout(10_000) });
  } catch {
    throw new Unreachable("The simulator does not answer.");
  }
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: answered ${answer.status}`);
  return answer.json();
}

export const fileUrl = (file, save = false) => (save ? `${file.url}&save=1` : file.url);

export const previewUrl = (channel, name) =>
  `/_sim/inbox/preview?${new URLSearchParams({ channel, id: name })}`;
