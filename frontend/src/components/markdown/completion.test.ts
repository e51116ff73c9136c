import { describe, expect, it } from "vitest";
import { blocksOf, NO_BLOCKS } from "./blocks";
import { completed } from "./completion";

const completion = (text: string) => {
  const last = blocksOf(NO_BLOCKS, text).open.at(-1);
  return last && completed(last);
};

describe("what a block has begun is completed", () => {
  it.each([
    ["a **bold", "a **bold**"],
    ["a *word", "a *word*"],
    ["some `code", "some `code`"],
    ["`[a](b", "`[a](b`"],
    ["see [this](https://exam", "see [this]()"],
    ["an ![image](https://exam", "an ![image]()"],
    ["```js\na\n``", "```js\na\n"],
    ["- a\n  ~~~\n  b\n  ~", "- a\n  ~~~\n  b\n"],
    ["| a | b", "| a | b\n| - | - |"],
    ["| a | b |\n|--", "| a | b |\n| - | - |"],
    ["| a \\| b |", "| a \\| b |\n| - |"],
  ])("%j is %j", (text, expected) => {
    expect(completion(text)).toBe(expected);
  });

  it.each([
    "5 * 3",
    "snake_case",
    "array[0",
    "~5 of 20~25",
    "```js\na **b",
    "- a\n\n  ```",
    "```\n```",
    "<b",
    "- > 25",
    "a **b\n\n",
    "costs $5",
  ])("%j stays", (text) => {
    expect(completion(text)).toBe(text);
  });

  it("and a line under words is not yet a heading", () => {
    expect(completion("words\n-")).toBe("words\n-\u200B");
  });
});
