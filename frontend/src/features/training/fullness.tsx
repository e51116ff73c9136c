import { useTranslation } from "react-i18next";
import { countCharacters, MAX_CHARACTERS } from "./files";
import type { TrainingText } from "./queries";

/** How much of what a session can hold is used. */
export function Fullness({ texts }: { texts: readonly TrainingText[] }) {
  const { t } = useTranslation();
  const used = texts.reduce((sum, { content }) => sum + countCharacters(content), 0);
  // A server that is set to hold more has the last word.
  const limit = Math.max(MAX_CHARACTERS, used);
  return (
    <div className="flex flex-col gap-1.5 text-muted text-xs">
      <p>{t("training.fullness", { used, limit })}</p>
      <div aria-hidden className="h-1 overflow-hidden rounded-full bg-line">
        <div
          className={`h-full rounded-full motion-safe:transition-[width] ${used > 0.95 * limit ? "bg-danger" : "bg-accent"}`}
          style={{ width: `${(100 * used) / limit}%` }}
        />
      </div>
    </div>
  );
}
