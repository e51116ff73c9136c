import { ApiError } from "@/lib/api/errors";

/**
 * What a password can be set with: what a reset mail's link carries, which is the embedded default's token or the
 * session that a hosted project has opened; or what a refusal left of a link.
 */
export type Recovery =
  | { readonly token_hash: string }
  | { readonly access_token: string }
  | { readonly recovery_token: string };

/** Reads the link that somebody has followed; null when it carries nothing that a password can be set with. */
export function recoveryOf(address: string): Recovery | null {
  const { searchParams, hash } = new URL(address);
  const fragment = new URLSearchParams(hash.slice(1));
  const tokenHash = forRecovery(searchParams, "token_hash");
  if (tokenHash !== null) return { token_hash: tokenHash };
  const accessToken = forRecovery(fragment, "access_token");
  return accessToken === null ? null : { access_token: accessToken };
}

/** What the next try is made with: a link works once, also when the password was refused. */
export function recoveryAfter(failure: unknown, recovery: Recovery): Recovery {
  const token = failure instanceof ApiError ? failure.recoveryToken : null;
  return token === null ? recovery : { recovery_token: token };
}

function forRecovery(parameters: URLSearchParams, name: string): string | null {
  // A mail's template may leave the type out; one that says another is for something else.
  return (parameters.get("type") ?? "recovery") === "recovery" ? parameters.get(name) || null : null;
}
