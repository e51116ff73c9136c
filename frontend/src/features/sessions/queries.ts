import { type InfiniteData, infiniteQueryOptions, keepPreviousData, type QueryClient } from "@tanstack/react-query";
import { answer, api } from "@/lib/api/client";
import type { components } from "@/lib/api/schema";
import type { Session } from "./groups";

type Page = components["schemas"]["SessionsAnswer"];
type Pages = InfiniteData<Page>;

const ALL = ["sessions"] as const;
// How soon a chat that was begun on another device is seen here.
const LOOK_AGAIN_MILLISECONDS = 15_000;

/** The person's sessions whose title has `search` in it, newest first, page by page. */
export function sessionsQuery(search: string) {
  return infiniteQueryOptions({
    queryKey: [...ALL, search],
    queryFn: ({ pageParam, signal }): Promise<Page> => {
      const query = { ...(pageParam !== null && { before: pageParam }), ...(search !== "" && { search }) };
      return answer(api.GET("/api/chat/sessions/", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: LOOK_AGAIN_MILLISECONDS,
    placeholderData: keepPreviousData,
  });
}

export function allOf(data: Pages | undefined): Session[] {
  return data?.pages.flatMap((page) => page.sessions) ?? [];
}

/** A session that any of the lists read so far shows, also one that was found by a search. */
export function knownSession(client: QueryClient, sessionId: string): Session | undefined {
  const lists = client.getQueriesData<Pages>({ queryKey: ALL });
  return lists.flatMap(([, data]) => allOf(data)).find((session) => session.session_id === sessionId);
}

export async function refreshSessions(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ queryKey: ALL });
}

/** Puts a session at the top of the list before the server has said so; an existing one keeps its title. */
export async function showFirst(client: QueryClient, sessionId: string, title: string): Promise<void> {
  const list = sessionsQuery("");
  if (client.getQueryData(list.queryKey) === undefined) {
    // The first answer is still under way: without it there is no list to put anything into. A list that fails says so.
    await client.prefetchInfiniteQuery(list);
  } else {
    // An answer under way does not know of it yet.
    void client.cancelQueries({ queryKey: ALL });
  }
  const now = new Date().toISOString();
  client.setQueryData<Pages>(list.queryKey, (data) => {
    const known = allOf(data).find((session) => session.session_id === sessionId);
    const session = { session_id: sessionId, title, created_at: now, replying: true, ...known, updated_at: now };
    return data && withFirst(without(data, sessionId), session);
  });
}

export async function rename(client: QueryClient, session: Session, title: string): Promise<void> {
  await client.cancelQueries({ queryKey: ALL });
  change(client, (each) => (each.session_id === session.session_id ? { ...each, title } : each));
  try {
    const params = { path: { session_id: session.session_id } };
    await answer(api.PATCH("/api/chat/sessions/{session_id}/", { params, body: { title } }));
  } finally {
    await refreshSessions(client);
  }
}

export async function remove(client: QueryClient, sessionId: string, keepalive = false): Promise<void> {
  const params = { path: { session_id: sessionId } };
  try {
    await answer(api.DELETE("/api/chat/conversation/{session_id}/clear/", { params, keepalive }));
  } finally {
    await refreshSessions(client);
  }
}

function change(client: QueryClient, update: (session: Session) => Session): void {
  client.setQueriesData<Pages>({ queryKey: ALL }, (data) => data && mapped(data, (sessions) => sessions.map(update)));
}

function without(data: Pages, sessionId: string): Pages {
  return mapped(data, (sessions) => sessions.filter((session) => session.session_id !== sessionId));
}

function withFirst(data: Pages, session: Session): Pages {
  const [first, ...others] = data.pages;
  if (first === undefined) return data;
  return { ...data, pages: [{ ...first, sessions: [session, ...first.sessions] }, ...others] };
}

function mapped(data: Pages, update: (sessions: Session[]) => Session[]): Pages {
  return { ...data, pages: data.pages.map((page) => ({ ...page, sessions: update(page.sessions) })) };
}
