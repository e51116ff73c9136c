/** How long to wait before the next try, in milliseconds: doubling from half a second to a quarter of a minute. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const longest = Math.min(15_000, 500 * 2 ** attempt);
  // Many clients lose one server at the same moment; they must not all come back at the same moment.
  return longest * (0.5 + random() / 2);
}

/** Waits, but no longer than until the browser is online again. */
export function waitOrOnline(milliseconds: number, target: EventTarget = globalThis): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      target.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    target.addEventListener("online", done);
  });
}
