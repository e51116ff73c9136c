import { describe, expect, it } from "vitest";
import { sessionOf } from "./use-open-chat";

describe("the session of an address", () => {
  it.each(["chat", "a:b?c#d&e", "100% rye", "ä ö", "..."])("is %j as it was written", (id) => {
    expect(sessionOf(`/c/${encodeURIComponent(id)}`)).toBe(id);
  });

  it("is what stands there when it cannot be decoded", () => expect(sessionOf("/c/%E0%A4%A")).toBe("%E0%A4%A"));

  it.each(["/", "/account", "/c/", "/c/a/b"])("is none at %j", (path) => expect(sessionOf(path)).toBeNull());
});
