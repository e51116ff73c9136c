import createClient from "openapi-fetch";
import { personId, renewal } from "@/lib/auth/session";
import { API_URL } from "@/lib/config";
import { createAuthorisedFetch } from "./authorised-fetch";
import { errorFrom, NetworkError } from "./errors";
import type { paths } from "./schema";

const baseUrl = API_URL || location.origin;

/** `fetch` as the signed-in person. */
export const authorisedFetch = createAuthorisedFetch({ renewal, send: (request) => fetch(request), personId });

/** Calls as the signed-in person. */
export const api = createClient<paths>({ baseUrl, fetch: authorisedFetch });

export type Api = typeof api;

/** Calls that nobody needs to be signed in for. */
export const openApi = createClient<paths>({ baseUrl, fetch: (request) => fetch(request) });

/** The body of a good answer; throws ApiError or NetworkError otherwise. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    if (cause instanceof TypeError) throw new NetworkError("The server cannot be reached.", { cause });
    throw cause;
  });
  if (data === undefined) throw errorFrom(response, error);
  return data;
}
