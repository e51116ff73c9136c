import { BookOpenText } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { useTrainingCount } from "@/features/training/queries";

interface ChatHeaderProps {
  title: string;
  sessionId: string;
  onTraining: () => void;
}

/** The chat's name, and the way to what the bot answers from. Leaves room for the buttons of a hidden list. */
export function ChatHeader({ title, sessionId, onTraining }: ChatHeaderProps) {
  const { t } = useTranslation();
  const count = useTrainingCount(sessionId);
  return (
    <header className="flex min-h-14 items-center gap-2 border-line border-b py-1.5 pr-3 pl-28 md:pl-4 [[data-list=hidden]_&]:md:pl-28">
      <title>{`${title} · SafyCore`}</title>
      <h1 dir="auto" className="min-w-0 flex-1 truncate font-medium">
        {title}
      </h1>
      <Button look="quiet" onClick={onTraining}>
        <BookOpenText aria-hidden size={18} />
        <span className="max-sm:sr-only">{t("chat.training")}</span>
        {count > 0 && <span className="rounded-full bg-surface px-2 text-ink tabular-nums">{count}</span>}
      </Button>
    </header>
  );
}
