import type { Token } from "./highlight";

/** Highlighted code: words, some of them in spans that have a class. */
export function Tokens({ tokens }: { tokens: readonly Token[] }) {
  return tokens.map((token, n) =>
    typeof token === "string" ? (
      token
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the tokens of a piece of code never move
      <span key={n} className={token.className}>
        <Tokens tokens={token.tokens} />
      </span>
    ),
  );
}
