import { RefreshCw } from "lucide-react";
import { lazy, memo, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/button";
import { CopyButton } from "@/components/copy-button";
import { Notice } from "@/components/notice";
import { ApiError } from "@/lib/api/errors";
import { sentenceOf } from "@/lib/i18n/problems";
import { type ChatMessage, type TurnMetadata, textOf } from "./messages";

const Markdown = lazy(async () => ({ default: (await import("@/components/markdown")).Markdown }));

interface ReplyProps {
  message: ChatMessage;
  streaming: boolean;
  /** Given for the last reply, when it can be made again. */
  onRegenerate?: (() => void) | undefined;
}

/** What the bot said, as far as it is there; with what can be done with it once it has ended. */
export const Reply = memo(function Reply({ message, streaming, onRegenerate }: ReplyProps) {
  const text = textOf(message);
  const stopped = message.metadata?.status === "stopped";
  const failed = message.metadata?.status === "error" || message.metadata?.status === "interrupted";
  return (
    <div className="group/reply flex flex-col gap-2">
      {streaming && text === "" && <Thinking />}
      {text !== "" && (
        <Suspense fallback={<p className="whitespace-pre-wrap">{text}</p>}>
          <Markdown text={text} streaming={streaming || stopped} />
        </Suspense>
      )}
      {!streaming && failed && <ReplyProblem metadata={message.metadata ?? {}} onRetry={onRegenerate} />}
      {!streaming && <ReplyActions text={text} stopped={stopped} onRegenerate={failed ? undefined : onRegenerate} />}
    </div>
  );
});

export function Thinking() {
  const { t } = useTranslation();
  return (
    <p className="flex h-7 items-center gap-1.5" aria-label={t("chat.thinking")} role="img">
      {["", "[animation-delay:150ms]", "[animation-delay:300ms]"].map((delay) => (
        <span key={delay} className={`size-2 animate-pulse rounded-full bg-muted ${delay}`} />
      ))}
    </p>
  );
}

function ReplyProblem({ metadata, onRetry }: { metadata: TurnMetadata; onRetry: (() => void) | undefined }) {
  const { t } = useTranslation();
  const code = metadata.error_code ?? (metadata.status === "interrupted" ? "model_broken" : "unknown");
  const error = new ApiError(0, code, metadata.error_text ?? "", metadata.retry_after ?? null);
  const retry = onRetry && <Button onClick={onRetry}>{t("common.retry")}</Button>;
  return (
    <Notice kind="error" action={retry}>
      {sentenceOf(error, t)}
    </Notice>
  );
}

interface ReplyActionsProps {
  text: string;
  stopped: boolean;
  onRegenerate: (() => void) | undefined;
}

function ReplyActions({ text, stopped, onRegenerate }: ReplyActionsProps) {
  const { t } = useTranslation();
  const quiet = onRegenerate
    ? ""
    : "opacity-0 focus-within:opacity-100 group-hover/reply:opacity-100 pointer-coarse:opacity-100";
  return (
    <div className={`-ml-2 flex items-center gap-0.5 transition-opacity ${quiet}`}>
      {text !== "" && <CopyButton text={text} label={t("common.copy")} />}
      {onRegenerate && (
        <IconButton label={t("chat.regenerate")} icon={<RefreshCw aria-hidden size={16} />} onClick={onRegenerate} />
      )}
      {stopped && <span className="px-1 text-muted text-sm">{t("chat.stopped")}</span>}
    </div>
  );
}
