import { Trash2 } from "lucide-react";
import { type MouseEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/button";
import { excerpt } from "./excerpt";
import { countCharacters } from "./files";
import type { TrainingText } from "./queries";

interface TextItemProps {
  text: TrainingText;
  onRemove: () => void;
}

/** One text: its first lines, or all of it. */
export function TextItem({ text: { content }, onRemove }: TextItemProps) {
  const { t } = useTranslation();
  const id = useId();
  const [isOpen, setIsOpen] = useState(false);
  const { start, isWhole } = excerpt(content);
  const remove = (event: MouseEvent<HTMLElement>) => {
    focusNeighbour(event.currentTarget);
    onRemove();
  };
  return (
    <li className="rounded-xl border border-line bg-raised">
      <Content id={id} text={isOpen ? content : start} isOpen={isOpen} />
      <div className="flex items-center gap-1 py-1 pr-1 pl-3.5 text-muted text-xs">
        <span className="flex-1">{t("training.characters", { count: countCharacters(content) })}</span>
        {!isWhole && <Expand controls={id} isOpen={isOpen} onToggle={() => setIsOpen(!isOpen)} />}
        <IconButton
          label={t("training.remove", { start: start.split("\n", 1)[0] })}
          icon={<Trash2 aria-hidden size={18} />}
          onClick={remove}
        />
      </div>
    </li>
  );
}

function Content({ id, text, isOpen }: { id: string; text: string; isOpen: boolean }) {
  const look = "whitespace-pre-wrap break-words px-3.5 pt-3 text-sm";
  return isOpen ? (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <p id={id} tabIndex={0} className={`max-h-96 overflow-y-auto rounded-xl ${look}`}>
      {text}
    </p>
  ) : (
    <p id={id} className={`line-clamp-4 ${look}`}>
      {text}
    </p>
  );
}

function Expand({ controls, isOpen, onToggle }: { controls: string; isOpen: boolean; onToggle: () => void }) {
  const { t } = useTranslation();
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      aria-controls={controls}
      onClick={onToggle}
      className="target rounded-lg px-2.5 font-medium hover:bg-surface hover:text-ink"
    >
      {isOpen ? t("training.less") : t("training.more")}
    </button>
  );
}

/** Keeps the keyboard in the list when the text that it is on goes away. */
function focusNeighbour(button: HTMLElement): void {
  const item = button.closest("li");
  const neighbour = item?.nextElementSibling ?? item?.previousElementSibling;
  neighbour?.querySelector<HTMLElement>("button:last-of-type")?.focus();
}
