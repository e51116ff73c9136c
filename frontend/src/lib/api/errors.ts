import type { components } from "./schema";

type ErrorBody = components["schemas"]["ErrorAnswer"] & Partial<components["schemas"]["PasswordResetRefused"]>;

/**
 * An error answer of the API. `retryAfter` is in seconds; `code` is the machine code that texts are chosen by.
 * `recoveryToken` is there where a reset link was used up for nothing: the next try is made with it.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";

  readonly status: number;
  readonly code: string;
  readonly retryAfter: number | null;
  readonly fields: Readonly<Record<string, string[]>>;
  readonly recoveryToken: string | null;

  constructor(
    status: number,
    code: string,
    message: string,
    retryAfter: number | null = null,
    fields: Readonly<Record<string, string[]>> = {},
    recoveryToken: string | null = null,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.fields = fields;
    this.recoveryToken = recoveryToken;
  }
}

/** The API could not be reached, or its answer broke off. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
}

/** Nobody is signed in any more: the login has ended, or another tab signed out. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
}

/** The error that a response tells of, whatever stands between us and the server may have made of it. */
export function errorFrom(response: Response, body: unknown): ApiError {
  const known = isErrorBody(body);
  return new ApiError(
    response.status,
    known ? body.code : "unreadable_answer",
    known ? body.error : response.statusText,
    seconds(response.headers.get("Retry-After")),
    known ? (body.fields ?? {}) : {},
    known ? (body.recovery_token ?? null) : null,
  );
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === "object" && body !== null && "code" in body && "error" in body;
}

function seconds(header: string | null): number | null {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : null;
}
