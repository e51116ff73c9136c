import { type RefObject, useCallback, useState } from "react";
import type { Conversation } from "./conversation";

interface TurnsParts {
  readonly conversation: Conversation;
  readonly box: RefObject<HTMLDivElement | null>;
  readonly toEnd: (behavior: ScrollBehavior) => void;
  readonly onSent: (text: string) => void;
  readonly onEnded: () => void;
}

/** Browsers keep what is in sight in its place when something comes in above it, but not at the very top. */
export function leaveTop(box: HTMLElement | null): void {
  if (box?.scrollTop === 0) box.scrollTop = 1;
}

/**
 * What a person does in a conversation. `anchor` is the turn begun last, here and now: it is given the height of the
 * page, which brings its message to the top and leaves its reply the room below.
 */
export function useTurns({ conversation, box, toEnd, onSent, onEnded }: TurnsParts) {
  const [anchor, setAnchor] = useState<string | null>(null);

  const followTurn = useCallback(() => {
    requestAnimationFrame(() => {
      setAnchor(conversation.chat.messages.findLast((message) => message.role === "user")?.id ?? null);
      // A frame later the turn has its height.
      requestAnimationFrame(() => toEnd("smooth"));
    });
  }, [conversation, toEnd]);

  const send = async (text: string) => {
    const sending = conversation.send(text);
    followTurn();
    onSent(text);
    const accepted = await sending;
    onEnded();
    return accepted;
  };

  const regenerate = useCallback(() => {
    const regenerating = conversation.regenerate();
    followTurn();
    void regenerating.then(onEnded);
  }, [conversation, followTurn, onEnded]);

  const showOlder = useCallback(() => {
    void conversation.loadOlder(() => leaveTop(box.current));
  }, [box, conversation]);

  return { anchor, send, regenerate, showOlder };
}
