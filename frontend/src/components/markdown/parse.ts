import type { Code, Html, Nodes, Root, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import type { Construct, Extension } from "micromark-util-types";
import type { Definition } from "./definitions";

// One tilde is how people write "about": ~5 and ~6 are not struck out.
const SYNTAX = gfm({ singleTilde: false });
const TREE = gfmFromMarkdown();
const REFERENCE_STARTS = ["[".charCodeAt(0), "!".charCodeAt(0)];
const TOO_DEEP = 100;
// The parser takes seconds for lists and quotes nested like this, or overflows.
const FAR_TOO_DEEP = /^(?:[ \t]*(?:>|[-+*][ \t]|\d{1,9}[.)][ \t])){1000}/m;
// The parser drops the first where a text begins with it, and then counts wrong; the second is as invisible.
const BYTE_ORDER_MARK = "\uFEFF";
const WORD_JOINER = "\u2060";

declare module "mdast" {
  interface CodeData {
    /** Whether all of the code is there: its fence is closed, or it is marked by its indentation. */
    closed?: boolean;
  }
}

/**
 * The tree of a Markdown text with GitHub's extensions, in which references to `known` definitions are references
 * though the text does not define them. What is nested absurdly deep is left as it was written, as if it were HTML.
 */
export function parse(text: string, known: readonly Definition[] = []): Root {
  if (FAR_TOO_DEEP.test(text)) return { type: "root", children: [{ type: "html", value: text }] };
  const extensions = known.length === 0 ? [SYNTAX] : [SYNTAX, announcing(known)];
  const tree = fromMarkdown(text.replaceAll(BYTE_ORDER_MARK, WORD_JOINER), { extensions, mdastExtensions: [TREE] });
  tree.children = tree.children.map((node) => (isDeeper(node, TOO_DEEP) ? asWritten(node, text) : node));
  visit(tree, (node) => {
    if (node.type === "code") node.data = { ...node.data, closed: isClosed(node, text) };
  });
  return tree;
}

function asWritten({ position }: RootContent, text: string): Html {
  const value = text.slice(position?.start.offset, position?.end.offset);
  return position === undefined ? { type: "html", value } : { type: "html", value, position };
}

function isDeeper(node: Nodes, limit: number): boolean {
  return "children" in node && (limit === 0 || node.children.some((child) => isDeeper(child, limit - 1)));
}

/** Calls `seen` for a node and all that is in it, in the order of the text. */
export function visit(node: Nodes, seen: (node: Nodes) => void): void {
  seen(node);
  if (!("children" in node)) return;
  for (const child of node.children) visit(child, seen);
}

/** Tells the parser, before it looks at the first reference, which labels are defined elsewhere. */
function announcing(known: readonly Definition[]): Extension {
  const links = labels(known, "definition");
  const notes = labels(known, "footnoteDefinition");
  const construct: Construct = {
    tokenize(_effects, _ok, nok) {
      this.parser.gfmFootnotes ??= [];
      addMissing(links, this.parser.defined);
      addMissing(notes, this.parser.gfmFootnotes);
      return nok;
    },
  };
  return { text: Object.fromEntries(REFERENCE_STARTS.map((code) => [code, construct])) };
}

function addMissing(some: readonly string[], all: string[]): void {
  all.push(...some.filter((each) => !all.includes(each)));
}

function labels(known: readonly Definition[], type: Definition["type"]): string[] {
  return known.filter((each) => each.type === type).map((each) => each.identifier.toUpperCase());
}

function isClosed(code: Code, text: string): boolean {
  const source = text.slice(code.position?.start.offset, code.position?.end.offset).trimStart();
  const fence = /^(?:`{3,}|~{3,})/.exec(source)?.[0];
  if (fence === undefined) return true;
  const lastLine = Math.max(source.lastIndexOf("\n"), source.lastIndexOf("\r")) + 1;
  const last = source
    .slice(lastLine)
    .replace(/^[\s>]+/, "")
    .trimEnd();
  return lastLine > 0 && last.startsWith(fence) && last === fence.charAt(0).repeat(last.length);
}
