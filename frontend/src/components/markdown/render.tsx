import type { Nodes } from "hast";
import { type Components, toJsxRuntime } from "hast-util-to-jsx-runtime";
import type { RootContent } from "mdast";
import { toHast } from "mdast-util-to-hast";
import type { ReactNode } from "react";
import { Fragment, jsx, jsxs } from "react/jsx-runtime";
import type { Block } from "./blocks";
import { completed } from "./completion";
import type { Definition } from "./definitions";
import { elements } from "./elements";
import { handlers } from "./handlers";
import { parse } from "./parse";

/** A block laid out. `growing` says that it is still being written: what it has begun is completed. */
export function rendered(block: Block, known: readonly Definition[], growing: boolean): ReactNode {
  const text = growing ? completed(block) : block.text;
  const asParsed = text === block.text && known.length === 0;
  const nodes = asParsed ? block.nodes : parse(text, known).children;
  const tree = toHast({ type: "root", children: [...links(known), ...nodes] }, { handlers });
  return toJsxRuntime(withDirections(tree), {
    Fragment,
    jsx,
    jsxs,
    components: elements as Components,
    passKeys: true,
  });
}

function links(known: readonly Definition[]): RootContent[] {
  return known.flatMap(({ type, identifier, url, title }) =>
    type === "definition" ? [{ type, identifier, url, title }] : [],
  );
}

/** Each outermost element finds out from its own words whether they are written from right to left. */
function withDirections(tree: Nodes): Nodes {
  if (!("children" in tree)) return tree;
  for (const child of tree.children) {
    if (child.type === "element") child.properties["dir"] = "auto";
  }
  return tree;
}
