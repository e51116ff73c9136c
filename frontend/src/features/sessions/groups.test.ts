import { describe, expect, it } from "vitest";
import { groupsOf, type Session } from "./groups";

function session(updated: Date): Session {
  const at = updated.toISOString();
  return { session_id: at, title: at, created_at: at, updated_at: at, replying: false };
}

const NOW = new Date(2026, 10, 22, 0, 30);
const ago = (days: number, hour = 12) => new Date(2026, 10, 22 - days, hour);

describe("groups of sessions", () => {
  it("follow the local calendar, not the hours that passed", () => {
    const ages = groupsOf([session(new Date(2026, 10, 22, 0, 10)), session(ago(1, 23))], NOW).map(({ age }) => age);
    expect(ages).toEqual(["today", "yesterday"]);
  });

  it("are today, yesterday, 7 days, 30 days and older, without the empty ones", () => {
    const days = [1, 2, 7, 8, 30, 31, 400];
    const groups = groupsOf(
      days.map((each) => session(ago(each))),
      NOW,
    );
    expect(groups.map(({ age, sessions }) => [age, sessions.length])).toEqual([
      ["yesterday", 1],
      ["week", 2],
      ["month", 2],
      ["earlier", 2],
    ]);
  });

  it("count days rightly over the change to summer time", () => {
    const now = new Date(2026, 2, 30, 0, 30);
    expect(groupsOf([session(new Date(2026, 2, 29, 1))], now)[0]?.age).toBe("yesterday");
  });

  it("put a session that a fast clock dates into the future under today", () => {
    expect(groupsOf([session(ago(-1))], NOW)[0]?.age).toBe("today");
  });
});
