import type { Api } from "@/lib/api/client";
import { answer } from "@/lib/api/client";
import { type ChatMessage, fromStored } from "./messages";

export const PAGE_SIZE = 50;

export interface HistoryPage {
  readonly messages: readonly ChatMessage[];
  /** Where the next older page begins; null when nothing is older. */
  readonly next: number | null;
}

/** The newest page of a conversation, or the one before a cursor; oldest message first. */
export async function historyPage(api: Api, sessionId: string, before: number | null): Promise<HistoryPage> {
  const query = before === null ? { limit: PAGE_SIZE } : { limit: PAGE_SIZE, before };
  const page = await answer(
    api.GET("/api/chat/conversation/{session_id}/", { params: { path: { session_id: sessionId }, query } }),
  );
  return { messages: page.messages.map(fromStored), next: page.next };
}
