import { ArrowDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Notice } from "@/components/notice";
import { sentenceOf } from "@/lib/i18n/problems";
import type { Conversation, ConversationState } from "./conversation";

interface ForConversation {
  conversation: Conversation;
  state: ConversationState;
}

/** In place of a history that could not be read. */
export function HistoryFailed({ conversation, state }: ForConversation) {
  const { t } = useTranslation();
  const retry = <Button onClick={() => void conversation.retryLoading()}>{t("common.retry")}</Button>;
  return (
    <Notice kind="error" action={retry}>
      {t("chat.history_failed")} {sentenceOf(state.problem, t)}
    </Notice>
  );
}

/** Above the box: why a message was not accepted, and that a lost connection is being looked for. */
export function Problems({ conversation, state }: ForConversation) {
  const { t } = useTranslation();
  const close = (
    <Button look="quiet" onClick={() => conversation.clearProblem()}>
      {t("common.close")}
    </Button>
  );
  return (
    <div className="flex flex-col [&>*]:mb-2">
      {state.reconnecting && <Notice>{t("chat.reconnecting")}</Notice>}
      {state.problem !== null && state.loading === "ready" && (
        <Notice kind="error" action={close}>
          {sentenceOf(state.problem, t)}
        </Notice>
      )}
    </div>
  );
}

export function JumpToLatest({ onJump }: { onJump: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="relative mx-auto h-0">
      <Button onClick={onJump} className="absolute bottom-3 -translate-x-1/2 whitespace-nowrap rounded-full shadow-md">
        <ArrowDown aria-hidden size={16} />
        {t("chat.jump")}
      </Button>
    </div>
  );
}

/** Over the page while files are dragged over it. */
export function DropHint() {
  const { t } = useTranslation();
  return (
    <div className="pointer-events-none fixed inset-4 z-30 flex items-center justify-center rounded-3xl border-2 border-accent border-dashed bg-canvas/90 font-medium text-lg">
      {t("chat.drop_here")}
    </div>
  );
}
