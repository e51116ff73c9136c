import type { Renewal } from "@/lib/auth/renewal";
import type { Tokens } from "@/lib/auth/tokens";
import { NetworkError, SignedOut } from "./errors";

interface FetchParts {
  readonly renewal: Renewal;
  readonly send: typeof fetch;
  /** Who the page is shown to. */
  readonly personId: () => string | null;
}

/**
 * `fetch` as the signed-in person: the token is renewed before it ends, and once more when it is refused.
 * Throws SignedOut when there is no login left, NetworkError when the server cannot be reached; an abort passes through.
 */
export function createAuthorisedFetch({ renewal, send, personId }: FetchParts): typeof fetch {
  return async (input, init) => {
    const asking = personId();
    const request = new Request(input, init);
    const tokens = await reached(renewal.fresh());
    const response = await reached(send(authorised(request.clone(), tokens, asking)));
    if (response.status !== 401 || tokens === null) return response;
    const renewed = await reached(renewal.after(tokens));
    return reached(send(authorised(request, renewed, asking)));
  };
}

/** Another tab may have signed somebody else in since: what one person asks never goes out under another's name. */
function authorised(request: Request, tokens: Tokens | null, asking: string | null): Request {
  if (tokens === null || tokens.user.id !== asking) throw new SignedOut();
  request.headers.set("Authorization", `Bearer ${tokens.access_token}`);
  return request;
}

async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    // What `fetch` throws when no answer came.
    if (cause instanceof TypeError) throw new NetworkError("The server cannot be reached.", { cause });
    throw cause;
  }
}
