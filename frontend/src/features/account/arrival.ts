import type { Receipt } from "./receipt";

/** What one page tells the next one through the browser's history: it is not seen in the address, and outlives a reload. */
export type Arrival = { readonly passwordChanged: true } | { readonly deleted: Receipt };

/** Whether the password has just been set by the link of a mail. */
export function cameWithNewPassword(state: unknown): boolean {
  return isRecord(state) && state["passwordChanged"] === true;
}

/** What is left of an account that has just been deleted; null when none was. */
export function cameWithReceipt(state: unknown): Receipt | null {
  const deleted = isRecord(state) ? state["deleted"] : null;
  if (!isRecord(deleted)) return null;
  return Object.fromEntries(Object.entries(deleted).filter((row): row is [string, number] => Number.isInteger(row[1])));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
