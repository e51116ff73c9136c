import fc from "fast-check";
import { expect, test } from "vitest";
import { excerpt } from "./excerpt";

test("a short text is shown whole", () => {
  expect(excerpt("one\r\ntwo\nthree\n")).toEqual({ start: "one\ntwo\nthree", isWhole: true });
});

test("of a longer one the first lines with something in them", () => {
  expect(excerpt("\r\n\r\none\r\n \r\n  two\r\nthree\r\nfour")).toEqual({ start: "one\ntwo\nthree", isWhole: false });
});

test("a long line is cut between characters", () => {
  expect(excerpt(`${"x".repeat(199)}😀 and more`)).toEqual({ start: "x".repeat(199), isWhole: false });
});

test("an excerpt is short and never holds half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
      const { start } = excerpt(text);
      expect(start.length).toBeLessThanOrEqual(200);
      expect(start).not.toMatch(/\p{Surrogate}/u);
    }),
  );
});
