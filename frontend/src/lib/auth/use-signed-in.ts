import { useSyncExternalStore } from "react";
import { onTokensChanged, readTokens } from "./session";

/** The person who is signed in in this browser; null when nobody is. Renders anew when it is somebody else. */
export function useSignedIn() {
  const id = useSyncExternalStore(onTokensChanged, () => readTokens()?.user.id ?? null);
  return id === null ? null : (readTokens()?.user ?? null);
}
