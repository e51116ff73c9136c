import { describe, expect, it } from "vitest";
import { PendingDeletes } from "./pending-deletes";

function pending(fails = false) {
  const removed: [string, boolean][] = [];
  const deletes = new PendingDeletes(async (id, keepalive) => {
    removed.push([id, keepalive]);
    if (fails) throw new Error("away");
  });
  return { deletes, removed };
}

describe("a pending delete", () => {
  it("deletes nothing when it is undone", async () => {
    const { deletes, removed } = pending();
    deletes.add("a");
    deletes.undo("a");
    await deletes.carryOut("a");
    expect([...deletes.ids]).toEqual([]);
    expect(removed).toEqual([]);
  });

  it("deletes once when its time is up", async () => {
    const { deletes, removed } = pending();
    deletes.add("a");
    await deletes.carryOut("a");
    await deletes.carryOut("a");
    expect(removed).toEqual([["a", false]]);
  });

  it("shows the session again when it could not be deleted", async () => {
    const { deletes } = pending(true);
    deletes.add("a");
    await expect(deletes.carryOut("a")).rejects.toThrow("away");
    expect([...deletes.ids]).toEqual([]);
  });

  it("deletes all that is pending when the page is left", async () => {
    const { deletes, removed } = pending();
    deletes.add("a");
    deletes.add("b");
    await deletes.carryOutAll();
    expect(removed).toEqual([
      ["a", true],
      ["b", true],
    ]);
  });
});
