import type { ProblemCode } from "./files";

/** Why something was not added: it cannot be used as it is, or the server did not take it. */
export type Reason = { readonly problem: ProblemCode } | { readonly error: unknown };

/** A file that was not added. */
export interface Failure {
  readonly id: number;
  readonly file: File;
  readonly reason: Reason;
}

/** How far a batch of files is. Files that come while one runs join it. */
export interface Adding {
  /** What was added last, as long as there is something to say about it. */
  readonly latest: "text" | "files" | null;
  readonly total: number;
  readonly added: number;
  readonly failed: number;
  /** Those of all batches that nobody has put away. */
  readonly failures: readonly Failure[];
}

export type AddingEvent =
  | { readonly type: "queued"; readonly count: number }
  | { readonly type: "added" }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "dismissed"; readonly id: number }
  | { readonly type: "pasted" }
  | { readonly type: "seen" };

export const NOTHING_ADDED: Adding = { latest: null, total: 0, added: 0, failed: 0, failures: [] };

export function isRunning({ total, added, failed }: Adding): boolean {
  return added + failed < total;
}

export function adding(state: Adding, event: AddingEvent): Adding {
  switch (event.type) {
    case "queued":
      return isRunning(state)
        ? { ...state, latest: "files", total: state.total + event.count }
        : { ...NOTHING_ADDED, latest: "files", total: event.count, failures: state.failures };
    case "added":
      return { ...state, added: state.added + 1 };
    case "failed":
      return { ...state, failed: state.failed + 1, failures: [...state.failures, event.failure] };
    case "dismissed":
      return { ...state, failures: state.failures.filter(({ id }) => id !== event.id) };
    case "pasted":
      return { ...state, latest: "text" };
    case "seen":
      return { ...state, latest: isRunning(state) ? "files" : null };
  }
}
