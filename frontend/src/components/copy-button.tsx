import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { copyText, type Outcome } from "@/lib/clipboard";
import { IconButton } from "./button";

const SHOWN_FOR_MS = 2_000;

interface CopyButtonProps {
  text: string;
  label: string;
  className?: string;
}

/** Copies a text to the clipboard and says so, or says what to do instead. */
export function CopyButton({ text, label, className }: CopyButtonProps) {
  const { t } = useTranslation();
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  useEffect(() => {
    if (outcome !== "copied") return;
    const timer = setTimeout(() => setOutcome(null), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const Icon = outcome === "copied" ? Check : Copy;
  return (
    <>
      <span role="status" className={className ?? "px-1 text-muted text-sm empty:p-0"}>
        {outcome !== null && t(`common.${outcome}`)}
      </span>
      <IconButton
        label={label}
        icon={<Icon aria-hidden size={16} />}
        onClick={() => void copyText(text).then(setOutcome)}
      />
    </>
  );
}
