import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, type Blocks, blocksOf, NO_BLOCKS } from "./blocks";
import { growingTexts, markdownTexts } from "./samples";

const all = ({ settled, open }: Blocks): readonly Block[] => [...settled, ...open];
const textsOf = (text: string) => all(blocksOf(NO_BLOCKS, text)).map((block) => block.text);
const bare = (blocks: readonly Block[]) =>
  blocks.map(({ start, text, nodes }) => ({ start, text, types: nodes.map((node) => node.type) }));

describe("the blocks of a text", () => {
  it("are its paragraphs, headings, lists and code", () => {
    const text = "# Title\nwords\n\n- a\n- b\n\n```js\n1\n\n2\n```\nend";
    expect(textsOf(text)).toEqual(["# Title\n", "words\n\n", "- a\n- b\n\n", "```js\n1\n\n2\n```\n", "end"]);
  });

  it("keep a definition with what may still become its title", () => {
    expect(textsOf("[a]: /x\n'ti\n\nend")).toEqual(["[a]: /x\n'ti\n\n", "end"]);
  });

  it("are the text when joined", () => {
    fc.assert(
      fc.property(markdownTexts, (text) => {
        expect(textsOf(text).join("")).toBe(text);
      }),
    );
  });

  it("are the same however the text has grown", () => {
    fc.assert(
      fc.property(growingTexts, (texts) => {
        const grown = texts.reduce(blocksOf, NO_BLOCKS);
        expect(bare(all(grown))).toEqual(bare(all(blocksOf(NO_BLOCKS, texts.at(-1) ?? ""))));
      }),
      { numRuns: 1_000 },
    );
  });

  it("stay the same objects once they are settled", () => {
    fc.assert(
      fc.property(growingTexts, (texts) => {
        let before = NO_BLOCKS;
        for (const text of texts) {
          const after = blocksOf(before, text);
          expect(before.settled.every((block, n) => block === after.settled[n])).toBe(true);
          before = after;
        }
      }),
    );
  });

  it("begin anew for another text", () => {
    const first = blocksOf(NO_BLOCKS, "one\n\ntwo\n\nthree");
    expect(bare(all(blocksOf(first, "other")))).toEqual(bare(all(blocksOf(NO_BLOCKS, "other"))));
  });

  it("settle as soon as something follows that cannot change them", () => {
    expect(blocksOf(NO_BLOCKS, "one\n\ntwo").settled).toHaveLength(1);
    expect(blocksOf(NO_BLOCKS, "```\none\n```\ntwo").settled).toHaveLength(1);
    expect(blocksOf(NO_BLOCKS, "1. one\n\n2").settled).toHaveLength(0);
  });
});
