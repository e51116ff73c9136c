import { navigate } from "wouter/use-browser-location";
import { api } from "@/lib/api/client";
import { finishBeforeSigningOut, writeTokens } from "@/lib/auth/session";
import type { Arrival } from "./arrival";

const PATIENCE_MS = 5_000;

/** Ends the login on the server and, come what may, in this browser; leads to the sign-in page. */
export async function signOut(): Promise<void> {
  try {
    await finishBeforeSigningOut();
    await api.POST("/api/auth/logout/", { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    // Offline, or the login has ended already: forgetting the tokens is all that is left to do.
  } finally {
    leave("/signin");
  }
}

/** Forgets the login and goes to a page outside of it, in one step: no page in between is seen. */
export function leave(to: "/signin" | "/signup", state: Arrival | null = null): void {
  navigate(to, { state });
  writeTokens(null);
}
