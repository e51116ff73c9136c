import { expect, test } from "vitest";
import { type KeyPress, matches } from "./shortcut";

const input = document.createElement("input");

function press(key: string, more: Partial<KeyPress> = {}): KeyPress {
  const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false };
  return { key, ...none, target: document.body, ...more };
}

test.each<[string, KeyPress]>([
  ["mod+k", press("k", { ctrlKey: true })],
  ["mod+k", press("K", { metaKey: true })],
  ["mod+shift+o", press("O", { ctrlKey: true, shiftKey: true })],
  ["alt+enter", press("Enter", { altKey: true })],
  ["?", press("?", { shiftKey: true })],
  ["mod+/", press("/", { ctrlKey: true, shiftKey: true })],
  ["n", press("n")],
  ["escape", press("Escape", { target: input })],
  ["mod+k", press("k", { ctrlKey: true, target: input })],
])("%s is pressed", (combo, event) => {
  expect(matches(combo, event)).toBe(true);
});

test.each<[string, string, KeyPress]>([
  ["another key is pressed", "mod+k", press("j", { ctrlKey: true })],
  ["mod is missing", "mod+k", press("k")],
  ["mod is too much", "n", press("n", { ctrlKey: true })],
  ["Alt is too much", "mod+k", press("k", { ctrlKey: true, altKey: true })],
  ["Shift is too much", "mod+o", press("O", { ctrlKey: true, shiftKey: true })],
  ["Shift is missing", "shift+escape", press("Escape")],
  ["an input method composes", "escape", press("Escape", { isComposing: true })],
  ["somebody types a sign", "?", press("?", { shiftKey: true, target: input })],
  ["somebody types a letter", "n", press("n", { target: document.createElement("textarea") })],
])("nothing happens when %s", (_, combo, event) => {
  expect(matches(combo, event)).toBe(false);
});

test("what is typed into an editable element is typed", () => {
  const editable = document.createElement("div");
  Object.defineProperty(editable, "isContentEditable", { value: true });
  expect(matches("/", press("/", { target: editable }))).toBe(false);
});
