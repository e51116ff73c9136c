import { expect, test } from "vitest";
import { type AddingEvent, adding, type Failure, isRunning, NOTHING_ADDED } from "./adding";

const failure: Failure = { id: 1, file: new File([], "a.txt"), reason: { problem: "empty" } };

function after(...events: AddingEvent[]) {
  return events.reduce(adding, NOTHING_ADDED);
}

test("a batch runs until each of its files was added or was not", () => {
  expect(isRunning(NOTHING_ADDED)).toBe(false);
  expect(isRunning(after({ type: "queued", count: 2 }, { type: "added" }))).toBe(true);
  expect(isRunning(after({ type: "queued", count: 2 }, { type: "added" }, { type: "failed", failure }))).toBe(false);
});

test("files that come while a batch runs join it", () => {
  const state = after({ type: "queued", count: 2 }, { type: "added" }, { type: "queued", count: 3 });
  expect(state).toMatchObject({ total: 5, added: 1 });
});

test("files that come later are a batch of their own, and what failed before stays in sight", () => {
  const state = after({ type: "queued", count: 1 }, { type: "failed", failure }, { type: "queued", count: 3 });
  expect(state).toMatchObject({ total: 3, added: 0, failed: 0, failures: [failure] });
});

test("a failure that is put away still counts", () => {
  const state = after({ type: "queued", count: 2 }, { type: "failed", failure }, { type: "dismissed", id: 1 });
  expect(state).toMatchObject({ failed: 1, failures: [] });
});

test("what was added last is what is spoken of, until it has been seen", () => {
  expect(after({ type: "queued", count: 1 }, { type: "added" }, { type: "pasted" }).latest).toBe("text");
  expect(after({ type: "pasted" }, { type: "queued", count: 1 }).latest).toBe("files");
  expect(after({ type: "queued", count: 1 }, { type: "seen" }).latest).toBe("files");
  expect(after({ type: "queued", count: 1 }, { type: "added" }, { type: "seen" }).latest).toBe(null);
});
