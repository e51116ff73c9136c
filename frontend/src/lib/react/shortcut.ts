/** What a shortcut looks at in a keydown event. */
export type KeyPress = Pick<
  KeyboardEvent,
  "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey" | "isComposing" | "target"
>;

/**
 * Whether a key press is the one that a combo such as "mod+k", "mod+shift+o", "escape" or "?" names.
 *
 * `mod` is Ctrl or Cmd. A sign is named as it is typed: which keys make "?" is up to the keyboard's layout, so Shift
 * counts for letters and named keys only. What an input method composes never matches, and a plain character does not
 * while somebody types.
 */
export function matches(combo: string, event: KeyPress): boolean {
  const wanted = parse(combo);
  if (isComposing(event) || event.key.toLowerCase() !== wanted.key) return false;
  if ((event.ctrlKey || event.metaKey) !== wanted.mod || event.altKey !== wanted.alt) return false;
  if (!isSign(wanted.key) && event.shiftKey !== wanted.shift) return false;
  const isPlain = wanted.key.length === 1 && !wanted.mod && !wanted.alt;
  return !(isPlain && isTyping(event.target));
}

/** Whether a key belongs to an input method; Safari says so of the Enter that ends a word by its code alone. */
export function isComposing(event: Pick<KeyboardEvent, "isComposing"> & { readonly keyCode?: number }): boolean {
  return event.isComposing || event.keyCode === 229;
}

function parse(combo: string) {
  const parts = combo.toLowerCase().split("+");
  const has = (modifier: string) => parts.includes(modifier);
  return { key: parts.at(-1) ?? "", mod: has("mod"), alt: has("alt"), shift: has("shift") };
}

function isSign(key: string): boolean {
  return key.length === 1 && key.toLowerCase() === key.toUpperCase();
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("input, textarea, select");
}
