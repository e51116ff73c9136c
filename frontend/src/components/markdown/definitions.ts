import type { Nodes } from "mdast";
import { visit } from "./parse";

/** What a label stands for: an address (`[label]: url "title"`), or a footnote (`[^label]: text`, which has no url). */
export interface Definition {
  readonly type: "definition" | "footnoteDefinition";
  readonly identifier: string;
  readonly url: string;
  readonly title: string | null;
  /** Whether its line has ended: until then an address may still grow. */
  readonly complete: boolean;
}

/** The definitions in a tree that `text` was parsed to, in their order. */
export function definitionsIn(tree: Nodes, text: string): Definition[] {
  const found: Definition[] = [];
  visit(tree, (node) => {
    if (node.type !== "definition" && node.type !== "footnoteDefinition") return;
    const { type, identifier } = node;
    const [url, title] = type === "definition" ? [node.url, node.title ?? null] : ["", null];
    const complete = type === "footnoteDefinition" || /[\n\r]/.test(text.slice(node.position?.end.offset));
    found.push({ type, identifier, url, title, complete });
  });
  return found;
}

/** Each label once; as Markdown has it, its first definition counts. */
export function firstOfEach(definitions: readonly Definition[]): Definition[] {
  const first = new Map<string, Definition>();
  for (const each of definitions) {
    const key = `${each.type} ${each.identifier}`;
    if (!first.has(key)) first.set(key, each);
  }
  return [...first.values()];
}

/**
 * A text in the form in which `isMentioned` looks for labels: without what may stand between their words at the end of
 * a line in a quote, and without case. Empty when the text cannot have a reference.
 */
export function mentionsOf(text: string): string {
  return text.includes("[") ? withoutCase(text.replace(/[\s>]+/g, "")) : "";
}

/** Whether a text may refer to a definition; it may also only look like it. */
export function isMentioned(definition: Definition, mentions: string): boolean {
  const mark = definition.type === "footnoteDefinition" ? "[^" : "[";
  return mentions.includes(`${mark}${withoutCase(definition.identifier.replace(/[\s>]+/g, ""))}]`);
}

export function areSame(some: readonly Definition[], others: readonly Definition[]): boolean {
  return some.length === others.length && some.every((each, n) => isSame(each, others[n]));
}

function isSame(one: Definition, other: Definition | undefined): boolean {
  return (
    one.type === other?.type &&
    one.identifier === other.identifier &&
    one.url === other.url &&
    one.title === other.title
  );
}

// Both ways, as Markdown compares labels: some letters have only one of the two cases.
function withoutCase(text: string): string {
  return text.toLowerCase().toUpperCase();
}
