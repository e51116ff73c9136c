import type { QueryClient } from "@tanstack/react-query";
import { Conversations } from "@/features/chat/conversations";
import { type Drafts, draftsOf, forgetDrafts, forgetOthersDrafts } from "@/features/chat/drafts";
import { chosenModel } from "@/features/chat/model-choice";
import { PendingDeletes } from "@/features/sessions/pending-deletes";
import { remove } from "@/features/sessions/queries";
import { api, authorisedFetch } from "@/lib/api/client";
import { beforeSigningOut, hasEnded, onTokensChanged, readTokens, showTo } from "@/lib/auth/session";
import { API_URL } from "@/lib/config";

/** What one person has open on this page, beside what is on the server. */
export interface Workspace {
  readonly conversations: Conversations;
  readonly deletes: PendingDeletes;
  readonly drafts: Drafts;
  /** Begins its work; returns how to end it. */
  open(): () => void;
}

export function createWorkspace(client: QueryClient, personId: string): Workspace {
  // Before anything asks the server.
  showTo(personId);
  const conversations = new Conversations({ api, apiUrl: API_URL, fetch: authorisedFetch, model: chosenModel });
  const deletes = new PendingDeletes(async (sessionId, keepalive) => {
    await remove(client, sessionId, keepalive);
    conversations.forget(sessionId);
  });
  return {
    conversations,
    deletes,
    drafts: draftsOf(personId),
    open: () => {
      const leave = () => void deletes.carryOutAll();
      forgetOthersDrafts(personId);
      const forget = () => {
        if (readTokens()?.user.id === personId) return;
        conversations.close();
        if (!hasEnded()) forgetDrafts(personId);
      };
      addEventListener("pagehide", leave);
      const stopListening = onTokensChanged(forget);
      const stopWaiting = beforeSigningOut(() => deletes.carryOutAll());
      return () => {
        removeEventListener("pagehide", leave);
        stopListening();
        stopWaiting();
      };
    },
  };
}
