import { LoaderCircle, Pencil, Trash2 } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { IconButton } from "@/components/button";
import { isComposing } from "@/lib/react/shortcut";
import type { Session } from "./groups";

interface SessionRowProps {
  session: Session;
  isOpen: boolean;
  isReplying: boolean;
  onOpen: () => void;
  onRename: (title: string) => void;
  onDelete: () => void;
}

/** One chat of the list: opened by a press, renamed in place, deleted with a way back. */
export function SessionRow({ session, isOpen, isReplying, onOpen, onRename, onDelete }: SessionRowProps) {
  const { t } = useTranslation();
  const [renaming, setRenaming] = useState(false);
  const { title } = session;
  if (renaming) return <TitleField title={title} onRename={onRename} onDone={() => setRenaming(false)} />;
  return (
    <div className={`group/row flex items-center rounded-lg ${isOpen ? "bg-line/60" : "hover:bg-line/40"}`}>
      <Link
        href={`/c/${encodeURIComponent(session.session_id)}`}
        onClick={onOpen}
        onDoubleClick={() => setRenaming(true)}
        aria-current={isOpen ? "page" : undefined}
        className="target flex min-w-0 flex-1 items-center gap-2 rounded-lg px-3 py-1.5 text-sm"
      >
        <span className="truncate" dir="auto" title={title}>
          {title}
        </span>
        {isReplying && (
          <LoaderCircle
            role="img"
            aria-label={t("sessions.replying")}
            size={14}
            className="shrink-0 animate-spin text-accent"
          />
        )}
      </Link>
      <span className="flex w-0 overflow-hidden opacity-0 focus-within:w-auto focus-within:opacity-100 group-hover/row:w-auto group-hover/row:opacity-100 pointer-coarse:w-auto pointer-coarse:opacity-100">
        <IconButton
          label={t("sessions.rename_chat", { title })}
          icon={<Pencil aria-hidden size={15} />}
          onClick={() => setRenaming(true)}
        />
        <IconButton
          label={t("sessions.delete_chat", { title })}
          icon={<Trash2 aria-hidden size={15} />}
          onClick={onDelete}
        />
      </span>
    </div>
  );
}

interface TitleFieldProps {
  title: string;
  onRename: (title: string) => void;
  onDone: () => void;
}

function TitleField({ title, onRename, onDone }: TitleFieldProps) {
  const { t } = useTranslation();
  const [text, setText] = useState(title);
  const finish = () => {
    const trimmed = text.trim();
    if (trimmed !== "" && trimmed !== title) onRename(trimmed);
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event.nativeEvent)) return;
    if (event.key === "Enter") finish();
    if (event.key === "Escape") onDone();
    if (event.key === "Escape" || event.key === "Enter") event.stopPropagation();
  };
  return (
    <input
      // biome-ignore lint/a11y/noAutofocus: it stands where the title was that had the focus
      autoFocus
      value={text}
      maxLength={255}
      aria-label={t("sessions.title")}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setText(event.target.value)}
      onBlur={finish}
      onKeyDown={onKeyDown}
      className="target w-full rounded-lg border border-line bg-raised px-3 text-sm"
    />
  );
}
