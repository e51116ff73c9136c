import { describe, expect, it } from "vitest";
import { definitionsIn, firstOfEach, isMentioned, mentionsOf } from "./definitions";
import { parse } from "./parse";

const definitionsOf = (text: string) => definitionsIn(parse(text), text);
const mentions = (text: string, definition: string) =>
  definitionsOf(definition).some((each) => isMentioned(each, mentionsOf(text)));

describe("definitions", () => {
  it("are found wherever they stand", () => {
    const found = definitionsOf('[a]: https://example.com "T"\n\n> - [B  c]: <x y>\n\n[^n]: note');
    expect(found.map(({ type, identifier, url, title }) => [type, identifier, url, title])).toEqual([
      ["definition", "a", "https://example.com", "T"],
      ["definition", "b c", "x y", null],
      ["footnoteDefinition", "n", "", null],
    ]);
  });

  it("are complete once their line is", () => {
    expect(definitionsOf("[a]: https://exam").map((each) => each.complete)).toEqual([false]);
    expect(definitionsOf("[a]: https://exam\n").map((each) => each.complete)).toEqual([true]);
  });

  it("count once, the first of a label", () => {
    expect(firstOfEach(definitionsOf("[a]: /1\n[A]: /2\n[b]: /3")).map((each) => each.url)).toEqual(["/1", "/3"]);
  });
});

describe("a text mentions a definition", () => {
  it.each([
    ["see [a]", "[A]: /x"],
    ["see [words][a  b]", "[a b]: /x"],
    ["> see [a\n> b]", "[a b]: /x"],
    ["see [ẞ]", "[ss]: /x"],
    ["see[^n]", "[^n]: note"],
  ])("%j mentions %j", (text, definition) => {
    expect(mentions(text, definition)).toBe(true);
  });

  it.each([
    ["see a", "[a]: /x"],
    ["see [b]", "[a]: /x"],
    ["see [n]", "[^n]: note"],
  ])("%j does not mention %j", (text, definition) => {
    expect(mentions(text, definition)).toBe(false);
  });
});
