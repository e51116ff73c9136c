import { lazy, Suspense, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Boundary } from "@/components/boundary";
import { useToast } from "@/components/toaster";
import { copyText } from "@/lib/clipboard";
import { useShortcut } from "@/lib/react/use-shortcut";
import { Announcer } from "./announcer";
import { ChatBody } from "./chat-body";
import { ChatHeader } from "./chat-header";
import { DropHint, JumpToLatest, Problems } from "./chat-notices";
import { Composer, type ComposerHandle } from "./composer";
import type { Conversation } from "./conversation";
import type { Drafts } from "./drafts";
import { textOf } from "./messages";
import { ModelChoice } from "./model-choice";
import { useConversation } from "./use-conversation";
import { useFollow } from "./use-follow";
import { useTrainingSheet } from "./use-training-sheet";
import { useTurns } from "./use-turns";

const TrainingPanel = lazy(async () => ({
  default: (await import("@/features/training/training-panel")).TrainingPanel,
}));

interface ChatPageProps {
  conversation: Conversation;
  /** What the draft is kept under: the chat, or "new" for one that has not begun. */
  draftName: string;
  drafts: Drafts;
  title: string;
  /** The chat has become worth an address: something was given to the bot. */
  onGiven: () => void;
  onSent: (text: string) => void;
  onEnded: () => void;
}

/** One conversation: what was said, and the box to say more. */
export function ChatPage({ conversation, draftName, drafts, title, onGiven, onSent, onEnded }: ChatPageProps) {
  const { messages, state, waiting } = useConversation(conversation);
  const { box, content, isAway, toEnd } = useFollow();
  const turns = useTurns({ conversation, box, toEnd, onSent, onEnded });
  const composer = useRef<ComposerHandle>(null);
  const training = useTrainingSheet();
  const copyLast = useCopyLast(conversation);
  const stop = () => void conversation.stop();
  const { arrived } = state;
  useEffect(() => {
    if (arrived !== null) composer.current?.withdraw(arrived);
  }, [arrived]);
  useShortcut("escape", () => (state.running ? stop() : false));
  useShortcut("/", () => composer.current?.focus());
  useShortcut("mod+shift+y", () => void copyLast());
  return (
    <div className="flex h-full min-w-0 flex-1 flex-col">
      <ChatHeader title={title} sessionId={conversation.id} onTraining={() => training.show([])} />
      <main className="relative flex min-h-0 flex-1 flex-col">
        <ChatBody
          {...{ box, content, conversation, messages, state, waiting, onGiven }}
          anchor={turns.anchor}
          onOlder={turns.showOlder}
          onRegenerate={turns.regenerate}
          onQuestion={(question) => composer.current?.offer(question)}
        />
        {isAway && messages.length > 0 && <JumpToLatest onJump={() => toEnd("smooth")} />}
        <div className="mx-auto w-full max-w-3xl px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
          <Problems conversation={conversation} state={state} />
          <Composer
            handle={composer}
            draft={drafts.read(draftName)}
            onDraft={(text) => drafts.write(draftName, text)}
            onSend={turns.send}
            onStop={stop}
            running={state.running}
          >
            <ModelChoice />
          </Composer>
        </div>
      </main>
      <Announcer
        isLoaded={state.loading === "ready"}
        reply={messages.findLast((message) => message.role === "assistant")}
      />
      {training.isDragging && <DropHint />}
      {training.wasOpened && (
        <Boundary>
          <Suspense fallback={null}>
            <TrainingPanel
              sessionId={conversation.id}
              open={training.isOpen}
              files={training.files}
              onClose={training.hide}
              onAdded={onGiven}
            />
          </Suspense>
        </Boundary>
      )}
    </div>
  );
}

/** Copies the last answer; a toast says what came of it. */
function useCopyLast(conversation: Conversation) {
  const { t } = useTranslation();
  const showToast = useToast();
  return async () => {
    const last = conversation.chat.messages.findLast((message) => message.role === "assistant");
    if (last !== undefined) showToast({ text: t(`common.${await copyText(textOf(last))}`) });
  };
}
