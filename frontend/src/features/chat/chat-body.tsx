import type { RefObject } from "react";
import { Waiting } from "@/components/waiting";
import { HistoryFailed } from "./chat-notices";
import type { Conversation, ConversationState } from "./conversation";
import { EmptyChat } from "./empty-chat";
import type { ChatMessage } from "./messages";
import { Thread } from "./thread";
import { leaveTop } from "./use-turns";

interface ChatBodyProps {
  box: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  conversation: Conversation;
  messages: readonly ChatMessage[];
  state: ConversationState;
  waiting: boolean;
  anchor: string | null;
  onOlder: () => void;
  onRegenerate: () => void;
  onGiven: () => void;
  onQuestion: (question: string) => void;
}

/** What is scrolled: the conversation, or what stands in its place. */
export function ChatBody({ box, content, conversation, messages, state, ...rest }: ChatBodyProps) {
  const isEmpty = messages.length === 0;
  return (
    <div
      ref={box}
      onScroll={(event) => state.older !== "none" && leaveTop(event.currentTarget)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className="@container-[size] min-h-0 flex-1 overflow-y-auto overflow-x-hidden [scrollbar-gutter:stable_both-edges]"
    >
      <div ref={content} className={`mx-auto w-full max-w-3xl px-4 py-5 ${isEmpty ? "h-full" : ""}`}>
        {state.loading === "loading" && <Waiting />}
        {state.loading === "failed" && <HistoryFailed conversation={conversation} state={state} />}
        {state.loading === "ready" && isEmpty && (
          <EmptyChat sessionId={conversation.id} onGiven={rest.onGiven} onQuestion={rest.onQuestion} />
        )}
        {!isEmpty && (
          <Thread
            messages={messages}
            state={state}
            waiting={rest.waiting}
            anchor={rest.anchor}
            onOlder={rest.onOlder}
            onRegenerate={rest.onRegenerate}
          />
        )}
      </div>
    </div>
  );
}
