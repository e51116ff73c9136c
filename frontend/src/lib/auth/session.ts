import { API_URL } from "@/lib/config";
import { createRenewal } from "./renewal";
import { parseTokens, type SignedInAnswer, type Tokens, tokensFrom } from "./tokens";

const KEY = "safycore.tokens";
// Set while the login has ended by itself, as no tab's person wished; signing in takes it away.
const ENDED = "safycore.ended";
const listeners = new Set<() => void>();
let cached: { text: string | null; tokens: Tokens | null } = { text: null, tokens: null };

/** The tokens as they are now. The same object as long as they stay the same. */
export function readTokens(): Tokens | null {
  const text = localStorage.getItem(KEY);
  if (text !== cached.text) cached = { text, tokens: parseTokens(text) };
  return cached.tokens;
}

/** Whether the last login ended without anybody signing out: its person will want to go on where they were. */
export function hasEnded(): boolean {
  return localStorage.getItem(ENDED) !== null;
}

export function writeTokens(tokens: Tokens | null): void {
  if (tokens === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(tokens));
  for (const listener of listeners) listener();
}

/** Calls back when somebody signs in or out, here or in another tab; returns how to stop that. */
export function onTokensChanged(listener: () => void): () => void {
  const onStorage = (event: StorageEvent) => {
    // A null key: the whole storage was cleared.
    if (event.key === KEY || event.key === null) listener();
  };
  listeners.add(listener);
  addEventListener("storage", onStorage);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", onStorage);
  };
}

const farewells = new Set<() => Promise<unknown>>();

/** What has to be done with the tokens before they are gone; returns how to take that back. */
export function beforeSigningOut(task: () => Promise<unknown>): () => void {
  farewells.add(task);
  return () => farewells.delete(task);
}

/** Does what others have left to do; to be awaited before signing out. What fails is not tried again. */
export async function finishBeforeSigningOut(): Promise<void> {
  await Promise.allSettled([...farewells].map((task) => task()));
}

/** Keeps what an answer brings; false when it brings no tokens. */
export function signIn(answer: SignedInAnswer): boolean {
  const tokens = tokensFrom(answer, nowSeconds());
  if (tokens === null) return false;
  localStorage.removeItem(ENDED);
  writeTokens(tokens);
  return true;
}

let shownTo: string | null = null;

/** Who the page is shown to now: its requests are theirs, whoever has signed in elsewhere since. */
export function personId(): string | null {
  return shownTo ?? readTokens()?.user.id ?? null;
}

export function showTo(person: string | null): void {
  shownTo = person;
}

export const renewal = createRenewal({
  store: { read: readTokens, write: keepRenewed },
  renew: askForTokens,
  exclusively,
  nowSeconds,
});

function keepRenewed(tokens: Tokens | null): void {
  if (tokens === null) localStorage.setItem(ENDED, "1");
  writeTokens(tokens);
}

async function askForTokens(refreshToken: string): Promise<Tokens | null> {
  const response = await fetch(`${API_URL}/api/auth/refresh/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: refreshToken }),
  });
  if (response.status === 401 || response.status === 400) return null;
  if (!response.ok) throw new TypeError(`The login could not be renewed: ${response.status}`);
  return tokensFrom((await response.json()) as SignedInAnswer, nowSeconds());
}

function exclusively<T>(task: () => Promise<T>): Promise<T> {
  // Without locks (an insecure origin) each tab renews for itself.
  return "locks" in navigator ? navigator.locks.request("safycore.renewal", task).then((value) => value as T) : task();
}

function nowSeconds(): number {
  return Date.now() / 1000;
}
