const LINES = 3;
const CHARACTERS = 200;

/** The first lines of a text that have something in them, and whether that is all of it. */
export function excerpt(text: string): { start: string; isWhole: boolean } {
  const trimmed = text.trim();
  const lines = trimmed.slice(0, CHARACTERS * 4).split(/\s*\n\s*/, LINES);
  const start = lines
    .join("\n")
    .slice(0, CHARACTERS)
    .replace(/\p{Surrogate}$/u, "");
  return { start, isWhole: start === trimmed.replaceAll("\r\n", "\n") };
}
