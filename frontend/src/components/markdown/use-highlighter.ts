import { startTransition, useEffect, useMemo, useState } from "react";
import type { highlight, Token } from "./highlight";

const TOO_LONG = 50_000;

let loaded: typeof highlight | null = null;

/** The coloured tokens of code as soon as they are there; null until then, for no language, and for very long code. */
export function useHighlighter(code: string, language: string): readonly Token[] | null {
  const wanted = language !== "" && code.length <= TOO_LONG;
  const [highlighter, setHighlighter] = useState(() => loaded);
  useEffect(() => {
    if (!wanted || highlighter !== null) return;
    load().then(
      (found) => startTransition(() => setHighlighter(() => found)),
      // Code without colours is still code: a lost connection is no reason to fail.
      () => undefined,
    );
  }, [wanted, highlighter]);
  return useMemo(
    () => (wanted ? (highlighter?.(code, language) ?? null) : null),
    [wanted, highlighter, code, language],
  );
}

async function load(): Promise<typeof highlight> {
  loaded ??= (await import("./highlight")).highlight;
  return loaded;
}
