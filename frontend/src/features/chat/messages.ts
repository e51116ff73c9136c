import type { UIMessage } from "ai";
import type { components } from "@/lib/api/schema";

export type StoredMessage = components["schemas"]["MessageFields"];
export type ReplyStatus = "streaming" | "complete" | "stopped" | "interrupted" | "error";

/** How a reply ended, as the stream's `messageMetadata` and the history tell it; `retry_after` is in seconds. */
export interface TurnMetadata {
  readonly status?: ReplyStatus;
  readonly error_code?: string | null;
  readonly error_text?: string;
  readonly retry_after?: number | null;
}

/** What the stream's `data-error` part says before its `error` part. */
export interface StreamError {
  readonly code: string;
  readonly retryable: boolean;
  readonly retry_after: number | null;
}

export type ChatMessage = UIMessage<TurnMetadata, { error: StreamError }>;

/** A row of the history as the page shows it, under the id that the page gave it when it sent it. */
export function fromStored(row: StoredMessage): ChatMessage {
  return {
    id: row.client_message_id ?? row.id,
    role: row.role,
    parts: [{ type: "text", text: row.content }],
    metadata: row.status === "sent" ? {} : { status: row.status, error_code: row.error_code },
  };
}

export function userMessage(id: string, text: string): ChatMessage {
  return { id, role: "user", parts: [{ type: "text", text }], metadata: {} };
}

export function textOf(message: ChatMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** Whether it is a reply of which the end has not been seen. */
export function isPending(message: ChatMessage | undefined): boolean {
  if (message?.role !== "assistant") return false;
  const status = message.metadata?.status;
  return status === undefined || status === "streaming";
}

/**
 * The messages with the newest page put over them: what is older than the page stays, what the page knows comes from
 * the page. Objects that have not changed stay the same, so that nothing is rendered again for nothing.
 */
export function merged(shown: readonly ChatMessage[], page: readonly ChatMessage[]): ChatMessage[] {
  const known = new Map(shown.map((message) => [message.id, message]));
  const first = page[0];
  const start = first === undefined ? -1 : shown.findIndex((message) => message.id === first.id);
  const older = start === -1 ? [] : shown.slice(0, start);
  return [...older, ...page.map((message) => unchanged(known.get(message.id), message))];
}

function unchanged(before: ChatMessage | undefined, after: ChatMessage): ChatMessage {
  if (before === undefined || textOf(before) !== textOf(after)) return after;
  return before.metadata?.status === after.metadata?.status ? before : after;
}

export interface Turn {
  readonly id: string;
  readonly messages: readonly ChatMessage[];
}

/** A person's message with what was answered to it, in order; a reply without a message stands alone. */
export function turnsOf(messages: readonly ChatMessage[]): Turn[] {
  const turns: { id: string; messages: ChatMessage[] }[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last === undefined || message.role === "user") turns.push({ id: message.id, messages: [message] });
    else last.messages.push(message);
  }
  return turns;
}
