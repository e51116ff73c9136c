import type { Root, RootContent } from "mdast";
import { type Definition, definitionsIn, mentionsOf } from "./definitions";
import { parse } from "./parse";

/** A piece of a text that is laid out on its own: a paragraph, a list, a table… */
export interface Block {
  /** Where in the text it begins, which never changes as the text grows. */
  readonly start: number;
  readonly text: string;
  /** What it was parsed to, not knowing the definitions of other blocks. */
  readonly nodes: readonly RootContent[];
  readonly definitions: readonly Definition[];
  /** See `mentionsOf`. */
  readonly mentions: string;
}

/** A text in its blocks: those that nothing written after them can change, and the one or two that still may. */
export interface Blocks {
  readonly text: string;
  readonly settled: readonly Block[];
  readonly open: readonly Block[];
}

export const NO_BLOCKS: Blocks = { text: "", settled: [], open: [] };

const INDENTED = /^(?: {4}| {0,3}\t)/;
const COMPLETE_IN_ITSELF: ReadonlySet<string> = new Set(["heading", "thematicBreak", "code", "html"]);

/**
 * The blocks of a text; joined they are the text. What `previous` has settled is taken over as it is when `text` goes
 * on from it; the result is the same as without.
 */
export function blocksOf(previous: Blocks, text: string): Blocks {
  if (text === previous.text) return previous;
  if (!text.startsWith(previous.text)) return blocksOf(NO_BLOCKS, text);
  const from = previous.open[0]?.start ?? 0;
  const pending = cut(text.slice(from), from);
  const settling = pending.length - openCount(pending);
  return {
    text,
    settled: settling === 0 ? previous.settled : [...previous.settled, ...pending.slice(0, settling)],
    open: pending.slice(settling),
  };
}

/** Whether a text ends in a blank line, after which a paragraph cannot go on. */
export function endsWithBlankLine(text: string): boolean {
  const lineEnds = text.slice(withoutSpaceAtEnd(text).length).match(/\r\n|\n|\r/g) ?? [];
  return lineEnds.length > 1;
}

/** A text without what Markdown counts as space at its end; `trimEnd` knows more kinds of it. */
function withoutSpaceAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && " \t\n\r".includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function cut(text: string, offset: number): Block[] {
  const groups = grouped(parse(text), text);
  return groups.map(({ start, nodes }, n) => {
    const own = text.slice(start, groups[n + 1]?.start);
    const definitions = nodes.flatMap((node) => definitionsIn(node, text));
    return { start: offset + start, text: own, nodes, definitions, mentions: mentionsOf(own) };
  });
}

interface Group {
  start: number;
  nodes: RootContent[];
}

/** The nodes of a tree, each with the line on which it begins; some only together with what follows them. */
function grouped(tree: Root, text: string): Group[] {
  const groups: Group[] = [{ start: 0, nodes: [] }];
  for (const node of tree.children) {
    const group = groups.at(-1);
    const start = lineStart(node, text);
    // The parser lets a heading that follows a definition begin where that does.
    const isSameLine = start === group?.start;
    if (group && (isSameLine || isBound(group.nodes.at(-1), text.slice(0, start)))) group.nodes.push(node);
    else groups.push({ start, nodes: [node] });
  }
  return groups;
}

/** Whether what follows `before`, the last node of a text, can only be read with it. */
function isBound(before: RootContent | undefined, text: string): boolean {
  if (before === undefined) return true;
  // The next line may become its title.
  if (before.type === "definition") return !endsWithBlankLine(text);
  // After indented code the parser takes some beginnings of a list for a paragraph.
  return before.type === "code" && INDENTED.test(text.slice(lineStart(before, text)));
}

function lineStart(node: RootContent, text: string): number {
  const last = (node.position?.start.offset ?? 0) - 1;
  return last < 0 ? 0 : Math.max(text.lastIndexOf("\n", last), text.lastIndexOf("\r", last)) + 1;
}

/** How many of the last blocks may still change: the last line can be the beginning of something else. */
function openCount(blocks: readonly Block[]): number {
  const [before, last] = blocks.slice(-2);
  if (before === undefined || last === undefined) return blocks.length;
  return isClosed(before, last.text) ? 1 : 2;
}

function isClosed(block: Block, next: string): boolean {
  const type = block.nodes.at(-1)?.type ?? "";
  if (COMPLETE_IN_ITSELF.has(type)) return true;
  // A number may become the next item of a list.
  return endsWithBlankLine(block.text) && !(type === "list" && /^[ \t]*\d{1,9}$/.test(next));
}
