import { useQueryClient } from "@tanstack/react-query";
import { PanelLeftClose, Search, SquarePen, UserRound } from "lucide-react";
import { type RefObject, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { IconButton } from "@/components/button";
import { useToast } from "@/components/toaster";
import { sentenceOf } from "@/lib/i18n/problems";
import { useSettled } from "@/lib/react/use-settled";
import type { Session } from "./groups";
import type { PendingDeletes } from "./pending-deletes";
import { rename } from "./queries";
import { SessionList } from "./session-list";

// Until no more is typed for this long, nothing is asked.
const SEARCH_MILLISECONDS = 200;

interface SidebarProps {
  email: string;
  openId: string;
  running: ReadonlySet<string>;
  deletes: PendingDeletes;
  searchBox: RefObject<HTMLInputElement | null>;
  onNew: () => void;
  /** Something was chosen: a list that covers the page makes way. */
  onChosen: () => void;
  onClose: () => void;
  onDeleted: (sessionId: string) => void;
}

/** The chats of a person, and the ways to a new one and to the account. */
export function Sidebar({
  email,
  openId,
  running,
  deletes,
  searchBox,
  onNew,
  onChosen,
  onClose,
  onDeleted,
}: SidebarProps) {
  const { t } = useTranslation();
  const [search, setSearch] = useState("");
  const hidden = useSyncExternalStore(deletes.subscribe, () => deletes.ids);
  const onDelete = useDelete(deletes, onDeleted);
  const onRename = useRename();
  return (
    <nav aria-label={t("chat.sidebar")} className="flex h-full flex-col bg-surface pl-[env(safe-area-inset-left)]">
      <div className="flex items-center justify-between p-2">
        <IconButton
          label={t("sessions.close_list")}
          icon={<PanelLeftClose aria-hidden size={20} />}
          onClick={onClose}
        />
        <IconButton label={t("chat.new_chat")} icon={<SquarePen aria-hidden size={20} />} onClick={onNew} />
      </div>
      <label className="mx-2 mb-2 flex items-center gap-2 rounded-lg border border-line bg-raised px-3 text-muted focus-within:border-muted">
        <Search aria-hidden size={16} className="shrink-0" />
        <input
          ref={searchBox}
          type="search"
          value={search}
          maxLength={255}
          aria-label={t("chat.search")}
          placeholder={t("chat.search")}
          onChange={(event) => setSearch(event.target.value)}
          className="target w-full min-w-0 bg-transparent text-ink text-sm outline-none placeholder:text-muted"
        />
      </label>
      <div className="min-h-0 flex-1 overflow-y-auto px-2">
        <SessionList
          search={useSettled(search.trim(), SEARCH_MILLISECONDS)}
          openId={openId}
          hidden={hidden}
          running={running}
          onOpen={onChosen}
          onRename={onRename}
          onDelete={onDelete}
        />
      </div>
      <Link
        href="/account"
        onClick={onChosen}
        className="target m-2 flex items-center gap-2 rounded-lg px-3 text-sm hover:bg-line/40"
      >
        <UserRound aria-hidden size={18} className="shrink-0 text-muted" />
        <span className="sr-only">{t("sessions.account")}</span>
        <span className="truncate">{email}</span>
      </Link>
    </nav>
  );
}

function useRename() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const showToast = useToast();
  return (session: Session, title: string) => {
    rename(client, session, title).catch((error: unknown) => {
      showToast({ text: `${t("sessions.rename_failed")} ${sentenceOf(error, t)}` });
    });
  };
}

function useDelete(deletes: PendingDeletes, onDeleted: (sessionId: string) => void) {
  const { t } = useTranslation();
  const showToast = useToast();
  return ({ session_id: id, title }: Session) => {
    deletes.add(id);
    onDeleted(id);
    const carryOut = () =>
      deletes
        .carryOut(id)
        .catch((error: unknown) => showToast({ text: `${t("chat.delete_failed")} ${sentenceOf(error, t)}` }));
    showToast({
      text: t("sessions.deleted", { title }),
      action: { label: t("common.undo"), run: () => deletes.undo(id) },
      onGone: () => void carryOut(),
    });
  };
}
