import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import type { Conversation } from "@/features/chat/conversation";
import { allOf, knownSession, refreshSessions, sessionsQuery, showFirst } from "@/features/sessions/queries";

const TITLE_LENGTH = 80;

/** The open chat and the list of chats, each told of what happens in the other. */
export function useOpenSession(conversation: Conversation) {
  const client = useQueryClient();
  const { data } = useInfiniteQuery(sessionsQuery(""));
  const listed = allOf(data).find((each) => each.session_id === conversation.id);
  const session = listed ?? knownSession(client, conversation.id);
  const { replying = false, updated_at = "" } = session ?? {};
  // The list tells of what was said on another device; the conversation then looks for itself.
  useEffect(() => {
    if (replying || updated_at !== "") void conversation.sync();
  }, [conversation, replying, updated_at]);
  const onSent = (text: string) => void showFirst(client, conversation.id, titleFrom(text));
  const onEnded = useCallback(() => void refreshSessions(client), [client]);
  return { title: session?.title, onSent, onEnded };
}

/** As the server makes it from the first message. */
function titleFrom(message: string): string {
  const line = message.trim().replace(/\s+/gu, " ");
  return line.length <= TITLE_LENGTH ? line : `${line.slice(0, TITLE_LENGTH - 1).trimEnd()}…`;
}
