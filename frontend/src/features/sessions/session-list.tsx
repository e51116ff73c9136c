import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { groupsOf, type Session } from "./groups";
import { allOf, sessionsQuery } from "./queries";
import { SessionRow } from "./session-row";

interface SessionListProps {
  search: string;
  openId: string;
  hidden: ReadonlySet<string>;
  /** Sessions in which this page knows a reply to be running; the server knows of others. */
  running: ReadonlySet<string>;
  onOpen: () => void;
  onRename: (session: Session, title: string) => void;
  onDelete: (session: Session) => void;
}

/** The person's chats, grouped by day, more of them as it is scrolled. */
export function SessionList({ search, openId, hidden, running, onOpen, onRename, onDelete }: SessionListProps) {
  const { t } = useTranslation();
  const query = useInfiniteQuery(sessionsQuery(search));
  const shown = useMemo(
    () => allOf(query.data).filter(({ session_id }) => !hidden.has(session_id)),
    [query.data, hidden],
  );
  const groups = useMemo(() => groupsOf(shown, new Date()), [shown]);
  if (query.isError && query.data === undefined) return <Failed onRetry={() => void query.refetch()} />;
  if (query.isSuccess && shown.length === 0 && !query.hasNextPage) {
    return (
      <p className="px-3 py-2 text-muted text-sm">{t(search === "" ? "sessions.empty" : "sessions.none_found")}</p>
    );
  }
  return (
    <>
      {groups.map(({ age, sessions }) => (
        <section key={age} aria-label={t(`sessions.${age}`)} className="mb-3">
          <h3 className="px-3 py-1 font-medium text-muted text-xs">{t(`sessions.${age}`)}</h3>
          <ul>
            {sessions.map((session) => (
              <li key={session.session_id}>
                <SessionRow
                  session={session}
                  isOpen={session.session_id === openId}
                  isReplying={session.replying || running.has(session.session_id)}
                  onOpen={onOpen}
                  onRename={(title) => onRename(session, title)}
                  onDelete={() => onDelete(session)}
                />
              </li>
            ))}
          </ul>
        </section>
      ))}
      {query.isFetchNextPageError && <Failed onRetry={() => void query.fetchNextPage()} />}
      {query.hasNextPage && !query.isFetchNextPageError && (
        <More key={shown.length} busy={query.isFetchingNextPage} onMore={() => void query.fetchNextPage()} />
      )}
    </>
  );
}

function Failed({ onRetry }: { onRetry: () => void }) {
  const { t } = useTranslation();
  return (
    <div role="alert" className="flex flex-col items-start gap-2 px-3 py-2 text-sm">
      {t("sessions.failed")}
      <Button onClick={onRetry}>{t("common.retry")}</Button>
    </div>
  );
}

/** Comes into sight shortly before the end of the list does. */
function More({ busy, onMore }: { busy: boolean; onMore: () => void }) {
  const { t } = useTranslation();
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (mark.current === null || busy) return;
    const sight = new IntersectionObserver(([entry]) => entry?.isIntersecting && onMore(), { rootMargin: "200px" });
    sight.observe(mark.current);
    return () => sight.disconnect();
  }, [busy, onMore]);
  return (
    <div ref={mark} role="status" className="px-3 py-2 text-muted text-sm">
      {t("common.loading")}
    </div>
  );
}
