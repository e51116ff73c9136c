import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { useLiveRef } from "./use-live-ref";
import { useMediaQuery } from "./use-media-query";
import { useOnline } from "./use-online";
import { useShortcut } from "./use-shortcut";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function press(init: KeyboardEventInit, target: Element = document.body): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  target.dispatchEvent(event);
  return event;
}

describe("a shortcut", () => {
  test("calls the newest handler in the browser's stead", () => {
    const [first, second] = [vi.fn(), vi.fn()];
    const { rerender } = renderHook(({ handler }) => useShortcut("mod+k", handler), {
      initialProps: { handler: first },
    });
    rerender({ handler: second });
    expect(press({ key: "k", ctrlKey: true }).defaultPrevented).toBe(true);
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledOnce();
  });

  test("leaves the press to the browser when its handler returns false", () => {
    renderHook(() => useShortcut("escape", () => false));
    expect(press({ key: "Escape" }).defaultPrevented).toBe(false);
  });

  test("is not repeated by a held key", () => {
    const handler = vi.fn();
    renderHook(() => useShortcut("escape", handler));
    press({ key: "Escape", repeat: true });
    expect(handler).not.toHaveBeenCalled();
  });

  test("leaves alone what something on the page has used", () => {
    const handler = vi.fn();
    renderHook(() => useShortcut("escape", handler));
    document.body.addEventListener("keydown", (event) => event.preventDefault(), { once: true });
    press({ key: "Escape" });
    expect(handler).not.toHaveBeenCalled();
  });

  test.each(["dialog", "menu"])("leaves alone what is pressed in a %s", (role) => {
    const handler = vi.fn();
    renderHook(() => useShortcut("escape", handler));
    const button = document.createElement("button");
    const popup = document.body.appendChild(document.createElement("div"));
    popup.setAttribute("role", role);
    popup.append(button);
    press({ key: "Escape" }, button);
    expect(handler).not.toHaveBeenCalled();
  });

  test("ends with what it belongs to", () => {
    const handler = vi.fn();
    renderHook(() => useShortcut("escape", handler)).unmount();
    press({ key: "Escape" });
    expect(handler).not.toHaveBeenCalled();
  });
});

test("being online follows the browser", () => {
  const online = vi.spyOn(navigator, "onLine", "get").mockReturnValue(true);
  const { result } = renderHook(() => useOnline());
  expect(result.current).toBe(true);
  online.mockReturnValue(false);
  act(() => void dispatchEvent(new Event("offline")));
  expect(result.current).toBe(false);
});

test("a media query is followed as it changes", () => {
  const list = Object.assign(new EventTarget(), { matches: false });
  vi.stubGlobal("matchMedia", () => list);
  const { result } = renderHook(() => useMediaQuery("(min-width: 48rem)"));
  expect(result.current).toBe(false);
  list.matches = true;
  act(() => void list.dispatchEvent(new Event("change")));
  expect(result.current).toBe(true);
});

test("a live ref holds the value of the newest render", () => {
  const { result, rerender } = renderHook(({ value }) => useLiveRef(value), { initialProps: { value: 1 } });
  const ref = result.current;
  rerender({ value: 2 });
  expect(result.current).toBe(ref);
  expect(ref.current).toBe(2);
});
