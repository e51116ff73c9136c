import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Notice } from "@/components/notice";
import { addText, trainingKey, trainingQuery } from "@/features/training/queries";
import { sentenceOf } from "@/lib/i18n/problems";

interface EmptyChatProps {
  sessionId: string;
  /** The bot has been given something. */
  onGiven: () => void;
  /** A question to begin with. */
  onQuestion: (question: string) => void;
}

/** The first screen of a chat: what the bot needs, and how to give it to it. */
export function EmptyChat({ sessionId, onGiven, onQuestion }: EmptyChatProps) {
  const { t } = useTranslation();
  const { data: texts } = useQuery(trainingQuery(sessionId));
  if (texts === undefined) return null;
  const count = texts.length;
  return (
    <div className="mx-auto flex min-h-full w-full max-w-2xl flex-col justify-center gap-6 py-6">
      <header>
        <h2 className="font-semibold text-2xl">{t(count > 0 ? "chat.greeting" : "chat.empty_title")}</h2>
        <p className="mt-1 text-muted">{count > 0 ? t("chat.given", { count }) : t("chat.empty_lead")}</p>
      </header>
      {count === 0 && (
        <ol className="flex flex-col gap-5">
          <Step number={1} title={t("chat.step_give")} text={t("chat.step_give_text")}>
            <GiveBox sessionId={sessionId} onGiven={onGiven} onQuestion={onQuestion} />
          </Step>
          <Step number={2} title={t("chat.step_ask")} text={t("chat.step_ask_text")} />
        </ol>
      )}
    </div>
  );
}

function Step({
  number,
  title,
  text,
  children,
}: {
  number: number;
  title: string;
  text: string;
  children?: React.ReactNode;
}) {
  return (
    <li className="flex gap-3.5">
      <span
        aria-hidden
        className="flex size-7 shrink-0 items-center justify-center rounded-full bg-accent font-medium text-accent-ink text-sm"
      >
        {number}
      </span>
      <div className="min-w-0 flex-1">
        <h3 className="font-medium">{title}</h3>
        <p className="text-muted text-sm">{text}</p>
        {children}
      </div>
    </li>
  );
}

function GiveBox({ sessionId, onGiven, onQuestion }: EmptyChatProps) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const { give, busy, problem } = useGive(sessionId, onGiven);
  const example = async () => {
    if (await give(t("chat.example_text"))) onQuestion(t("chat.example_question"));
  };
  return (
    <div className="mt-3 flex flex-col gap-2">
      <textarea
        rows={4}
        value={text}
        onChange={(event) => setText(event.target.value)}
        aria-label={t("chat.step_give_label")}
        placeholder={t("chat.write_here")}
        className="rounded-xl border border-line bg-raised px-3 py-2 text-base placeholder:text-muted"
      />
      {problem !== null && <Notice kind="error">{sentenceOf(problem, t)}</Notice>}
      <div className="flex flex-wrap gap-2">
        <Button look="primary" busy={busy} disabled={text.trim() === ""} onClick={() => void give(text)}>
          {t("chat.give")}
        </Button>
        <Button look="quiet" disabled={busy} onClick={() => void example()}>
          {t("chat.example")}
        </Button>
      </div>
    </div>
  );
}

function useGive(sessionId: string, onGiven: () => void) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const give = async (text: string): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      await addText(sessionId, text);
      await client.invalidateQueries({ queryKey: trainingKey(sessionId) });
      onGiven();
      return true;
    } catch (error) {
      setProblem(error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { give, busy, problem };
}
