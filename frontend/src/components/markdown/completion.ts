import type { Code, Nodes } from "mdast";
import remend from "remend";
import { type Block, endsWithBlankLine } from "./blocks";

const OPTIONS = {
  comparisonOperators: false,
  htmlTags: false,
  images: false,
  katex: false,
  links: false,
  singleTilde: false,
} as const;

/** The text of a block that is still being written, with what it has begun completed: marks, addresses, a table. */
export function completed(block: Block): string {
  const last = block.nodes.at(-1);
  const end = last && innermostEnd(last);
  if (end?.type === "code") return withoutHalfFence(block.text, end);
  if (last === undefined || last.type === "html" || endsWithBlankLine(block.text)) return block.text;
  const text = withoutHalfAddress(withoutLineEnd(block.text));
  const marked = remend(text, { ...OPTIONS, setextHeadings: last.type === "heading" });
  return last.type === "paragraph" ? withTable(marked) : marked;
}

function innermostEnd(node: Nodes): Nodes {
  const last = "children" in node ? node.children.at(-1) : undefined;
  return last === undefined ? node : innermostEnd(last);
}

/** A fence that has begun to close is no line of the code. */
function withoutHalfFence(text: string, code: Code): string {
  const isOpening = code.position?.start.line === code.position?.end.line;
  return code.data?.closed || isOpening ? text : text.replace(/\n[ \t>]*(?:`+|~+)$/, "\n");
}

function withoutLineEnd(text: string): string {
  return text.replace(/(?:\r\n|\n|\r)$/, "");
}

/** `see [this](https://exam` is `see [this]()`, a link to nowhere yet, unless it is within code. */
function withoutHalfAddress(text: string): string {
  const inCode = text.split("`").length % 2 === 0;
  return inCode ? text : text.replace(/(\[[^[\]\n]*\]\()[^()\n]*$/, "$1)");
}

/** A line that begins with a bar is the head of a table, though the rule that makes it one is not there yet. */
function withTable(text: string): string {
  const head = /(?:^|\n)( {0,3}\|[^\n]*)(?:\n {0,3}\|[-:| \t]*)?$/.exec(text);
  if (head?.[1] === undefined) return text;
  const cells = head[1]
    .trim()
    .replace(/\\\||^\||\|$/g, "")
    .split("|");
  return `${text.slice(0, text.indexOf(head[1], head.index) + head[1].length)}\n|${" - |".repeat(cells.length)}`;
}
