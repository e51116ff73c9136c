/** What a signed-in browser keeps; see docs/decisions on why it is localStorage. `expires_at` is in epoch seconds. */
export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_at: number;
  readonly user: { readonly id: string; readonly email: string };
}

export interface TokenStore {
  read(): Tokens | null;
  write(tokens: Tokens | null): void;
}

/** What signing in, signing up and renewing answer. */
export interface SignedInAnswer {
  readonly user: { readonly id: string | null; readonly email: string | null };
  readonly access_token: string | null;
  readonly refresh_token: string | null;
  readonly expires_in: number | null;
}

/** The tokens of an answer, or null when it brings none, as while an address waits for its confirmation. */
export function tokensFrom(answer: SignedInAnswer, nowSeconds: number): Tokens | null {
  const { user, access_token, refresh_token, expires_in } = answer;
  if (!(access_token && refresh_token && user.id)) return null;
  return {
    access_token,
    refresh_token,
    expires_at: nowSeconds + (expires_in ?? 0),
    user: { id: user.id, email: user.email ?? "" },
  };
}

/** Whether a token should be renewed before it is used: what it starts may take a while. */
export function endsSoon(tokens: Tokens, nowSeconds: number, marginSeconds = 60): boolean {
  return tokens.expires_at - nowSeconds < marginSeconds;
}

/** The tokens that a text of the storage holds; null for anything else, since anybody can write there. */
export function parseTokens(text: string | null): Tokens | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isTokens(value) ? value : null;
  } catch {
    return null;
  }
}

function isTokens(value: unknown): value is Tokens {
  if (!isObject(value) || !isObject(value["user"])) return false;
  return (
    typeof value["access_token"] === "string" &&
    typeof value["refresh_token"] === "string" &&
    typeof value["expires_at"] === "number" &&
    typeof value["user"]["id"] === "string" &&
    typeof value["user"]["email"] === "string"
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
