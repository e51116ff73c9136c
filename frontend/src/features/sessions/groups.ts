import type { components } from "@/lib/api/schema";

export type Session = components["schemas"]["SessionFields"];
export type Age = "today" | "yesterday" | "week" | "month" | "earlier";

export interface Group {
  readonly age: Age;
  readonly sessions: readonly Session[];
}

/** Sessions by how many days of the local calendar ago they were last used; their order stays, empty groups are left out. */
export function groupsOf(sessions: readonly Session[], now: Date): Group[] {
  const groups = new Map<Age, Session[]>();
  for (const session of sessions) {
    const age = ageOf(daysBetween(new Date(session.updated_at), now));
    groups.set(age, [...(groups.get(age) ?? []), session]);
  }
  return [...groups].map(([age, grouped]) => ({ age, sessions: grouped }));
}

function ageOf(days: number): Age {
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days <= 7) return "week";
  return days <= 30 ? "month" : "earlier";
}

/** Days of the local calendar, whatever summer time makes of their lengths. */
function daysBetween(earlier: Date, later: Date): number {
  const day = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day(later) - day(earlier)) / 86_400_000);
}
