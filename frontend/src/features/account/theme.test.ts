import { afterEach, expect, test } from "vitest";
import { chooseTheme, readTheme } from "./theme";

afterEach(() => chooseTheme("system"));

test("a chosen theme holds at once, and for the next visit", () => {
  chooseTheme("dark");
  expect(document.documentElement.dataset["theme"]).toBe("dark");
  expect(readTheme()).toBe("dark");
});

test("the system's theme leaves nothing behind", () => {
  chooseTheme("light");
  chooseTheme("system");
  expect(document.documentElement.dataset["theme"]).toBeUndefined();
  expect(localStorage.length).toBe(0);
  expect(readTheme()).toBe("system");
});

test("what is no theme is the system's", () => {
  localStorage.setItem("safycore.theme", "purple");
  expect(readTheme()).toBe("system");
});
