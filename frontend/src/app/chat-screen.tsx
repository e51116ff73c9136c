import { PanelLeftOpen, SquarePen } from "lucide-react";
import { lazy, Suspense, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/button";
import { ChatPage } from "@/features/chat/chat-page";
import { Sidebar } from "@/features/sessions/sidebar";
import type { Tokens } from "@/lib/auth/tokens";
import { useShortcut } from "@/lib/react/use-shortcut";
import { SidebarFrame } from "./sidebar-frame";
import { useListPlace } from "./use-list-place";
import { useOpenChat } from "./use-open-chat";
import { useOpenSession } from "./use-open-session";
import type { Workspace } from "./workspace";

const Help = lazy(async () => ({ default: (await import("./help")).Help }));

interface ChatScreenProps {
  person: Tokens["user"];
  workspace: Workspace;
}

/** The list of chats beside the one that is open. */
export function ChatScreen({ person, workspace: { conversations, deletes, drafts } }: ChatScreenProps) {
  const { t } = useTranslation();
  const { sessionId, isNew, toNew, onBegun } = useOpenChat();
  const conversation = conversations.get(sessionId, isNew);
  const running = useSyncExternalStore(conversations.subscribe, () => conversations.running);
  const { title = t("chat.new_chat"), onSent, onEnded } = useOpenSession(conversation);
  const list = useListPlace();
  const searchBox = useRef<HTMLInputElement>(null);
  const help = useHelp();
  useShortcut("mod+shift+o", toNew);
  useShortcut("mod+b", list.toggle);
  useShortcut("mod+k", () => {
    list.show();
    requestAnimationFrame(() => searchBox.current?.focus());
  });
  const startNew = () => {
    list.makeWay();
    toNew();
  };
  const send = (text: string) => {
    onSent(text);
    onBegun();
  };
  return (
    <div className="flex h-dvh" data-list={list.isShown ? "shown" : "hidden"}>
      <SidebarFrame isShown={list.isShown} isWide={list.isWide} onClose={list.hide}>
        <Sidebar
          {...{ running, deletes, searchBox }}
          email={person.email}
          openId={sessionId}
          onNew={startNew}
          onChosen={list.makeWay}
          onClose={list.hide}
          onDeleted={(deleted) => {
            // A list that covers the page would cover the Undo as well.
            list.makeWay();
            if (deleted === sessionId) toNew();
          }}
        />
      </SidebarFrame>
      {!(list.isShown && list.isWide) && <CornerButtons onList={list.show} onNew={startNew} />}
      <ChatPage
        key={sessionId}
        {...{ conversation, drafts, title, onEnded }}
        draftName={isNew ? "new" : sessionId}
        onGiven={onBegun}
        onSent={send}
      />
      {help}
    </div>
  );
}

/** In place of a list that is not shown. */
function CornerButtons({ onList, onNew }: { onList: () => void; onNew: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="absolute top-2 left-2 z-10 flex pl-[env(safe-area-inset-left)]">
      <IconButton label={t("sessions.open_list")} icon={<PanelLeftOpen aria-hidden size={20} />} onClick={onList} />
      <IconButton label={t("chat.new_chat")} icon={<SquarePen aria-hidden size={20} />} onClick={onNew} />
    </div>
  );
}

/** The help on keys, which `?` brings up. */
function useHelp() {
  const [isShown, setShown] = useState(false);
  useShortcut("?", () => setShown(true));
  useShortcut("mod+/", () => setShown(true));
  if (!isShown) return null;
  return (
    <Suspense fallback={null}>
      <Help onClose={() => setShown(false)} />
    </Suspense>
  );
}
