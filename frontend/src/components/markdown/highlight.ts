import type { RootContent } from "hast";
import { common, createLowlight } from "lowlight";
import "./highlight.css";

export type Token = string | { readonly className: string; readonly tokens: readonly Token[] };

const lowlight = createLowlight(common);

/** The tokens of some code, or null for a language that is not known. */
export function highlight(code: string, language: string): readonly Token[] | null {
  const name = language.toLowerCase();
  if (!lowlight.registered(name)) return null;
  try {
    return lowlight.highlight(name, code).children.flatMap(tokensOf);
  } catch {
    // A grammar that fails on something is not worth a message that cannot be read.
    return null;
  }
}

function tokensOf(node: RootContent): Token[] {
  if (node.type === "text") return [node.value];
  if (node.type !== "element") return [];
  const names = node.properties["className"];
  return [{ className: Array.isArray(names) ? names.join(" ") : "", tokens: node.children.flatMap(tokensOf) }];
}
