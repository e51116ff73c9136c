import { memo, type ReactNode, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import type { ConversationState } from "./conversation";
import { type ChatMessage, isPending, type Turn, textOf, turnsOf } from "./messages";
import { Reply, Thinking } from "./reply";

interface ThreadProps {
  messages: readonly ChatMessage[];
  state: ConversationState;
  waiting: boolean;
  /** The turn that was begun here and now: it gets the height of the page, so that its reply has room to fill. */
  anchor: string | null;
  onOlder: () => void;
  onRegenerate: () => void;
}

/** A conversation, turn by turn. */
export function Thread({ messages, state, waiting, anchor, onOlder, onRegenerate }: ThreadProps) {
  const { t } = useTranslation();
  const turns = useMemo(() => turnsOf(messages), [messages]);
  const lastTurn = turns.at(-1);
  return (
    <section aria-label={t("chat.messages")} className="flex flex-col gap-8">
      <h2 className="sr-only">{t("chat.messages")}</h2>
      {state.older !== "none" && <Older state={state.older} onOlder={onOlder} />}
      {turns.map((turn) => (
        <TurnView
          key={turn.id}
          turn={turn}
          isAnchor={turn.id === anchor}
          busy={turn === lastTurn && state.running}
          waiting={turn === lastTurn && waiting}
          onRegenerate={turn === lastTurn && !state.running ? onRegenerate : undefined}
        />
      ))}
    </section>
  );
}

interface TurnViewProps {
  turn: Turn;
  isAnchor: boolean;
  busy: boolean;
  waiting: boolean;
  onRegenerate: (() => void) | undefined;
}

const TurnView = memo(function TurnView({ turn, isAnchor, busy, waiting, onRegenerate }: TurnViewProps) {
  const last = turn.messages.at(-1);
  return (
    <div
      className={`flex flex-col gap-5 ${isAnchor ? "min-h-[calc(100cqh-2.5rem)]" : "[contain-intrinsic-size:auto_12rem] [content-visibility:auto]"}`}
    >
      {turn.messages.map((message) =>
        message.role === "user" ? (
          <Said key={message.id} text={textOf(message)} />
        ) : (
          <Reply
            key={message.id}
            message={message}
            streaming={busy && message === last && isPending(message)}
            onRegenerate={message === last ? onRegenerate : undefined}
          />
        ),
      )}
      {waiting && last?.role === "user" && <Thinking />}
    </div>
  );
});

function Said({ text }: { text: string }): ReactNode {
  return (
    <p
      dir="auto"
      className="max-w-[85%] self-end whitespace-pre-wrap rounded-2xl bg-surface px-4 py-2.5 [overflow-wrap:anywhere]"
    >
      {text}
    </p>
  );
}

function Older({ state, onOlder }: { state: ConversationState["older"]; onOlder: () => void }) {
  const { t } = useTranslation();
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (mark.current === null || state !== "there") return;
    const sight = new IntersectionObserver(([entry]) => entry?.isIntersecting && onOlder(), { rootMargin: "600px" });
    sight.observe(mark.current);
    return () => sight.disconnect();
  }, [state, onOlder]);
  return (
    // Not what the browser holds on to when messages come in below it.
    <div ref={mark} className="flex justify-center [overflow-anchor:none]">
      <Button look="quiet" busy={state === "loading"} onClick={onOlder}>
        {t(state === "failed" ? "chat.older_failed" : "chat.older")}
      </Button>
    </div>
  );
}
