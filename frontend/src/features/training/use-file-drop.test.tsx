import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { useFileDrop } from "./use-file-drop";

const file = new File(["text"], "a.txt");

afterEach(cleanup);

function drag(type: string, target: EventTarget = document.body, files: File[] | null = [file]): Event {
  const event = new Event(type, { bubbles: true, cancelable: true });
  const dataTransfer = { types: files === null ? ["text/plain"] : ["Files"], files: files ?? [] };
  act(() => void target.dispatchEvent(Object.assign(event, { dataTransfer })));
  return event;
}

test("dropped files are taken, and the browser does not open them", () => {
  const onFiles = vi.fn();
  renderHook(() => useFileDrop(onFiles));
  expect(drag("dragover").defaultPrevented).toBe(true);
  expect(drag("drop").defaultPrevented).toBe(true);
  expect(onFiles).toHaveBeenCalledExactlyOnceWith([file]);
});

test("dragged text is left to the browser", () => {
  const onFiles = vi.fn();
  const { result } = renderHook(() => useFileDrop(onFiles));
  expect(drag("dragenter", document.body, null).defaultPrevented).toBe(false);
  expect(drag("drop", document.body, null).defaultPrevented).toBe(false);
  expect(result.current).toBe(false);
  expect(onFiles).not.toHaveBeenCalled();
});

test("files are over the page from entering it to leaving it, whatever they cross meanwhile", () => {
  const { result } = renderHook(() => useFileDrop(() => {}));
  const inner = document.body.appendChild(document.createElement("div"));
  drag("dragenter");
  drag("dragenter", inner);
  drag("dragleave");
  expect(result.current).toBe(true);
  drag("dragleave", inner);
  expect(result.current).toBe(false);
});

test("files are over the page until they are dropped", () => {
  const { result } = renderHook(() => useFileDrop(() => {}));
  drag("dragenter");
  expect(result.current).toBe(true);
  drag("drop");
  expect(result.current).toBe(false);
});

test("what was mounted last goes first, and gives way when it leaves", () => {
  const [page, dialog] = [vi.fn(), vi.fn()];
  renderHook(() => useFileDrop(page));
  const { unmount } = renderHook(() => useFileDrop(dialog));
  drag("drop");
  unmount();
  drag("drop");
  expect(dialog).toHaveBeenCalledOnce();
  expect(page).toHaveBeenCalledOnce();
});

test("files that are over the page already are over what is mounted then", () => {
  const page = renderHook(() => useFileDrop(() => {}));
  drag("dragenter");
  const dialog = renderHook(() => useFileDrop(() => {}));
  expect([page.result.current, dialog.result.current]).toEqual([false, true]);
  dialog.unmount();
  expect(page.result.current).toBe(true);
});

test("nothing is taken once nobody takes files", () => {
  renderHook(() => useFileDrop(() => {})).unmount();
  expect(drag("drop").defaultPrevented).toBe(false);
});
