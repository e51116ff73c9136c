import type { Element, ElementContent, Properties, Text } from "hast";
import type { Code, FootnoteDefinition, FootnoteReference, Html, Parents } from "mdast";
import type { State } from "mdast-util-to-hast";

const BLOCK_PARENTS: ReadonlySet<string> = new Set(["root", "blockquote", "listItem", "footnoteDefinition"]);
const LINE_BREAK = /^<br\s*\/?>$/i;

/** Where a message becomes other elements than Markdown usually does; `elements.tsx` knows them. */
export const handlers = { code, footnoteDefinition, footnoteReference, html };

function code(_state: State, node: Code): Element {
  const properties = { dataLanguage: node.lang ?? "", dataClosed: String(node.data?.closed ?? true) };
  return element("pre", properties, [text(node.value)]);
}

/** HTML is shown as it was written, except for the line break, which is all that tables have for one. */
function html(_state: State, node: Html, parent: Parents | undefined): ElementContent {
  if (LINE_BREAK.test(node.value.trim())) return element("br", {}, []);
  const isBlock = parent !== undefined && BLOCK_PARENTS.has(parent.type);
  return isBlock ? element("p", { className: ["as-written"] }, [text(node.value)]) : text(node.value);
}

function footnoteReference(_state: State, node: FootnoteReference): Element {
  return element("sup", { dataNote: node.identifier }, [text(node.label ?? node.identifier)]);
}

function footnoteDefinition(state: State, node: FootnoteDefinition): Element {
  const properties = { dataNote: node.identifier, dataLabel: node.label ?? node.identifier };
  return element("aside", properties, state.wrap(state.all(node), true));
}

function element(tagName: string, properties: Properties, children: ElementContent[]): Element {
  return { type: "element", tagName, properties, children };
}

function text(value: string): Text {
  return { type: "text", value };
}
