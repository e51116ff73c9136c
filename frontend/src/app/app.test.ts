import { describe, expect, it } from "vitest";
import { safeReturn } from "./app";

describe("the way back after signing in", () => {
  it.each([
    ["/c/abc", "/c/abc"],
    ["/account", "/account"],
    [null, "/"],
    ["", "/"],
    ["https://evil.example", "/"],
    ["//evil.example", "/"],
    ["/\\evil.example", "/"],
    ["javascript:alert(1)", "/"],
    ["/\t/evil.example", "/"],
    ["http://", "/"],
  ])("for %j is %s", (next, way) => expect(safeReturn(next)).toBe(way));
});
