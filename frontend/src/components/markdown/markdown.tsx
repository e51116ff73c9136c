import { memo, useState } from "react";
import { type Block, type Blocks, blocksOf, NO_BLOCKS } from "./blocks";
import { areSame, type Definition, firstOfEach, isMentioned } from "./definitions";
import { PlainIfBroken } from "./plain-if-broken";
import { rendered } from "./render";
import "./markdown.css";

interface MarkdownProps {
  text: string;
  /** While true, what the end of the text has begun is shown as if it were complete. */
  streaming: boolean;
}

/**
 * What a model wrote, laid out. As the text grows only its end is laid out again: what stands before keeps its nodes in
 * the page, and with them a selection. Nothing of it runs, is fetched, or leads elsewhere than by http(s) and mail.
 */
export function Markdown({ text, streaming }: MarkdownProps) {
  return (
    <div className="markdown">
      <PlainIfBroken text={text}>
        <GrowingText text={text} streaming={streaming} />
      </PlainIfBroken>
    </div>
  );
}

function GrowingText({ text, streaming }: MarkdownProps) {
  const { settled, open } = useBlocks(text);
  const blocks = [...settled, ...open];
  const definitions = definitionsOf(blocks, streaming);
  return blocks.map((block, n) => (
    <BlockView
      key={block.start}
      block={block}
      known={definitions.filter((each) => isMentioned(each, block.mentions))}
      growing={streaming && n === blocks.length - 1}
    />
  ));
}

/** The blocks of a text, of which only the last are found anew when it has grown. */
function useBlocks(text: string): Blocks {
  const [previous, setPrevious] = useState(NO_BLOCKS);
  const blocks = blocksOf(previous, text);
  // React's way to keep something from one rendering to the next; the result never depends on it.
  if (blocks !== previous) setPrevious(blocks);
  return blocks;
}

function definitionsOf(blocks: readonly Block[], streaming: boolean): Definition[] {
  const all = blocks.flatMap((block) => block.definitions);
  return firstOfEach(streaming ? all.filter((each) => each.complete) : all);
}

interface BlockViewProps {
  block: Block;
  known: readonly Definition[];
  growing: boolean;
}

const BlockView = memo(
  function BlockView({ block, known, growing }: BlockViewProps) {
    return rendered(block, known, growing);
  },
  (before, after) =>
    before.block.text === after.block.text && before.growing === after.growing && areSame(before.known, after.known),
);
