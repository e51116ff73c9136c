import { useEffect, useEffectEvent } from "react";
import { matches } from "./shortcut";

/**
 * Calls the handler when the combo is pressed anywhere on the page; see `matches` for how combos are written.
 *
 * What the browser would do is prevented, unless the handler returns `false`. Held keys do not repeat. Left alone is what
 * something on the page has used already, and what is pressed in a dialog or a menu: Esc closes that, and no more.
 */
export function useShortcut(combo: string, handler: (event: KeyboardEvent) => unknown): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.repeat || isElsewhere(event.target) || !matches(combo, event)) return;
    if (handler(event) !== false) event.preventDefault();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => press(event);
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}

function isElsewhere(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest("dialog, [role=dialog], [role=alertdialog], [role=menu], [role=listbox]") !== null
  );
}
