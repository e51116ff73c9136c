export interface Announcement {
  /** What to read aloud now; empty for nothing. */
  readonly text: string;
  /** Up to where of the reply has been read. */
  readonly upTo: number;
}

const SENTENCE_END = /[.!?…:](?=\s)|\n/gu;
const MARKS = /[*_`#>|~]+/gu;

/** The whole sentences of a growing reply that have not been read yet; with its end, all that is left. */
export function announcement(reply: string, readUpTo: number, isEnded: boolean): Announcement {
  const upTo = isEnded ? reply.length : lastSentenceEnd(reply, readUpTo);
  const text = reply.slice(readUpTo, upTo).replace(MARKS, "").replace(/\s+/gu, " ").trim();
  return { text, upTo: Math.max(upTo, readUpTo) };
}

function lastSentenceEnd(reply: string, from: number): number {
  let end = from;
  for (const match of reply.slice(from).matchAll(SENTENCE_END)) end = from + match.index + match[0].length;
  return end;
}
