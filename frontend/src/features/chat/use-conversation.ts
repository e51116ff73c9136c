import { useChat } from "@ai-sdk/react";
import { useEffect, useSyncExternalStore } from "react";
import type { Conversation } from "./conversation";

// About a frame: however fast tokens come, the page is rendered no oftener than it is painted.
const FRAME_MILLISECONDS = 16;

/** A conversation as it is now. Its history is read when it is first looked at. */
export function useConversation(conversation: Conversation) {
  const { messages, status } = useChat({ chat: conversation.chat, throttle: FRAME_MILLISECONDS });
  const state = useSyncExternalStore(conversation.subscribe, () => conversation.state);
  useEffect(() => {
    void conversation.load();
  }, [conversation]);
  useEffect(() => syncWhenBack(conversation), [conversation]);
  return { messages, state, waiting: status === "submitted" };
}

/** Looks for news whenever the person comes back to the page, or the page to the network. */
function syncWhenBack(conversation: Conversation): () => void {
  const sync = () => {
    if (document.visibilityState === "visible") void conversation.sync();
  };
  document.addEventListener("visibilitychange", sync);
  addEventListener("online", sync);
  return () => {
    document.removeEventListener("visibilitychange", sync);
    removeEventListener("online", sync);
  };
}
