import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { announcement } from "./announcements";
import { type ChatMessage, isPending, textOf } from "./messages";

// Sentences that come faster than they can be read are read together.
const PAUSE_MILLISECONDS = 1_000;

/** Reads replies aloud to those who do not see them: sentence by sentence while one is made, and that it is done. */
export function Announcer({ reply, isLoaded }: { reply: ChatMessage | undefined; isLoaded: boolean }) {
  const { t } = useTranslation();
  // What had ended before the page was opened is not read; undefined until that is known.
  const [old, setOld] = useState<string | null>();
  if (isLoaded && old === undefined) setOld(reply !== undefined && !isPending(reply) ? reply.id : null);
  return (
    <div role="log" aria-live="polite" aria-label={t("chat.announcements")} className="sr-only">
      {isLoaded && old !== undefined && reply !== undefined && reply.id !== old && (
        <Spoken key={reply.id} reply={reply} />
      )}
    </div>
  );
}

function Spoken({ reply }: { reply: ChatMessage }) {
  const { t } = useTranslation();
  const newest = useRef(reply);
  const [read, setRead] = useState({ text: "", upTo: 0 });
  const isEnded = !isPending(reply);
  useEffect(() => {
    newest.current = reply;
  }, [reply]);
  useEffect(() => {
    const readOn = () => setRead((before) => readFurther(before, textOf(newest.current), isEnded));
    if (isEnded) return readOn();
    const timer = setInterval(readOn, PAUSE_MILLISECONDS);
    return () => clearInterval(timer);
  }, [isEnded]);
  return <>{isEnded ? `${read.text} ${t("chat.reply_done")}` : read.text}</>;
}

function readFurther(before: { text: string; upTo: number }, text: string, isEnded: boolean) {
  const next = announcement(text, before.upTo, isEnded);
  return next.text === "" ? before : next;
}
