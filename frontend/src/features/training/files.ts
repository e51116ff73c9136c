/** Why a file or a text cannot be added. */
export type ProblemCode =
  | "binary"
  | "document"
  | "empty"
  | "encoding"
  | "json"
  | "nul"
  | "surrogate"
  | "too_large"
  | "unreadable";

/** What the file dialogue offers; anything else that is text can still be dropped. */
export const ACCEPT = ".txt,.md,.markdown,.csv,.json,text/*,application/json";

/** More than this the server takes in no request (its default MAX_BODY_BYTES). */
export const MAX_FILE_BYTES = 1_000_000;

/** What a session holds (the server's default TRAINING_DATA_MAX_CHARS); the server has the last word. */
export const MAX_CHARACTERS = 100_000;

/**
 * A file's text exactly as it is, without its byte order mark; or why it cannot be used.
 *
 * UTF-8 is meant unless the file says UTF-16 with a byte order mark. JSON must parse, and is left as it is written.
 */
export async function readText(file: File): Promise<{ text: string } | { problem: ProblemCode }> {
  if (file.size > MAX_FILE_BYTES) return { problem: "too_large" };
  const bytes = await bytesOf(file);
  if (bytes === null) return { problem: "unreadable" };
  const text = isDocument(bytes) ? null : decoded(bytes);
  if (text === null) return { problem: kindOf(bytes) };
  const problem = problemOf(text) ?? (isJson(file) && !parses(text) ? "json" : null);
  return problem === null ? { text } : { problem };
}

/** Why the server could not keep a text, other than for its length; null when it could. */
export function problemOf(text: string): ProblemCode | null {
  if (text.trim() === "") return "empty";
  if (text.includes("\0")) return "nul";
  // With the flag u a pair counts as one character, so what is left is a half.
  return /\p{Surrogate}/u.test(text) ? "surrogate" : null;
}

/** The characters of a text as the server counts them: an emoji is one, not two. */
export function countCharacters(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.codePointAt(at) ?? 0;
    if (code > 0xffff) {
      pairs += 1;
      at += 1;
    }
  }
  return text.length - pairs;
}

async function bytesOf(file: File): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    // A folder, or a file that has gone since it was chosen.
    return null;
  }
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function encodingOf(bytes: Uint8Array): string {
  if (startsWith(bytes, [0xff, 0xfe])) return "utf-16le";
  return startsWith(bytes, [0xfe, 0xff]) ? "utf-16be" : "utf-8";
}

/** The first bytes of PDF, of Word and others since 2007 (zip), of Word and others before, and of RTF. */
const DOCUMENTS = [
  [0x25, 0x50, 0x44, 0x46, 0x2d],
  [0x50, 0x4b, 0x03, 0x04],
  [0xd0, 0xcf, 0x11, 0xe0],
  [0x7b, 0x5c, 0x72, 0x74, 0x66],
] as const;

function isDocument(bytes: Uint8Array): boolean {
  return DOCUMENTS.some((start) => startsWith(bytes, start));
}

/** What bytes are that are not a text in our encodings. Old encodings have no NUL bytes, nearly all else has. */
function kindOf(bytes: Uint8Array): ProblemCode {
  if (isDocument(bytes)) return "document";
  return bytes.includes(0) && encodingOf(bytes) === "utf-8" ? "binary" : "encoding";
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}

function isJson(file: File): boolean {
  return file.type === "application/json" || file.name.toLowerCase().endsWith(".json");
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
