import { beforeEach, describe, expect, it } from "vitest";
import { draftsOf, forgetDrafts, forgetOthersDrafts } from "./drafts";

describe("drafts", () => {
  beforeEach(() => localStorage.clear());

  it("are kept per chat and per person", () => {
    draftsOf("alice").write("chat", "Dear Bob");
    expect(draftsOf("alice").read("chat")).toBe("Dear Bob");
    expect(draftsOf("alice").read("other")).toBe("");
    expect(draftsOf("bob").read("chat")).toBe("");
  });

  it("of somebody else are gone when a person signs in", () => {
    draftsOf("alice").write("a", "x");
    draftsOf("bob").write("a", "y");
    localStorage.setItem("safycore.theme", "dark");
    forgetOthersDrafts("bob");
    expect(draftsOf("alice").read("a")).toBe("");
    expect(draftsOf("bob").read("a")).toBe("y");
    expect(localStorage.getItem("safycore.theme")).toBe("dark");
  });

  it("leave nothing behind when they are emptied, or their writer signs out", () => {
    draftsOf("alice").write("a", "x");
    draftsOf("alice").write("a", "");
    expect(localStorage.length).toBe(0);
    draftsOf("alice").write("a", "x");
    draftsOf("bob").write("a", "y");
    forgetDrafts("alice");
    expect(draftsOf("alice").read("a")).toBe("");
    expect(draftsOf("bob").read("a")).toBe("y");
  });
});
