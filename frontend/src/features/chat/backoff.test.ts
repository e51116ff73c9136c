import { describe, expect, it } from "vitest";
import { backoff, waitOrOnline } from "./backoff";

describe("backoff", () => {
  it("doubles up to a quarter of a minute", () => {
    const longest = [0, 1, 2, 3, 4, 5, 6, 100].map((attempt) => backoff(attempt, () => 1));
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it("differs between clients, by up to a half", () => {
    expect(backoff(1, () => 0)).toBe(500);
  });

  it("ends early when the network is back", async () => {
    const target = new EventTarget();
    const waiting = waitOrOnline(3_600_000, target);
    target.dispatchEvent(new Event("online"));
    await waiting;
  });
});
