import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToastArea, type ToastOptions, useToast } from "./toaster";

vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));

const run = vi.fn();
const onGone = vi.fn();
const UNDO: ToastOptions = { text: "Chat deleted.", action: { label: "Undo", run }, seconds: 6, onGone };

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function open(toast: ToastOptions) {
  render(
    <ToastArea>
      <Opener toast={toast} />
    </ToastArea>,
  );
  fireEvent.click(screen.getByText("open"));
}

function Opener({ toast }: { toast: ToastOptions }) {
  const show = useToast();
  return (
    <button type="button" onClick={() => show(toast)}>
      open
    </button>
  );
}

async function pass(seconds: number) {
  await act(() => vi.advanceTimersByTimeAsync(seconds * 1000));
  // Leaving begins with a render, which asks for a frame.
  await act(() => vi.advanceTimersByTimeAsync(100));
}

test("a toast stays for its seconds and then is gone, once", async () => {
  open(UNDO);
  await pass(5.8);
  expect(screen.getByText("Chat deleted.")).toBeTruthy();
  expect(onGone).not.toHaveBeenCalled();
  await pass(60);
  expect(screen.queryByText("Chat deleted.")).toBe(null);
  expect(onGone).toHaveBeenCalledOnce();
  expect(run).not.toHaveBeenCalled();
});

test("a toast whose action is pressed is not gone: it was answered", async () => {
  open(UNDO);
  const undo = screen.getByText("Undo");
  fireEvent.click(undo);
  fireEvent.click(undo);
  await pass(60);
  expect(run).toHaveBeenCalledOnce();
  expect(onGone).not.toHaveBeenCalled();
  expect(screen.queryByText("Chat deleted.")).toBe(null);
});

test("a toast that is closed is gone", async () => {
  open(UNDO);
  fireEvent.click(screen.getByLabelText("common.close"));
  await pass(60);
  expect(onGone).toHaveBeenCalledOnce();
});

test("once it has left its action does nothing, even while it still fades out", () => {
  open(UNDO);
  const undo = screen.getByText("Undo");
  fireEvent.click(screen.getByLabelText("common.close"));
  fireEvent.click(undo);
  expect(run).not.toHaveBeenCalled();
});

test("Esc closes the toast with the focus, and nothing beneath it", () => {
  const beneath = vi.fn();
  document.addEventListener("keydown", beneath);
  open(UNDO);
  screen.getByText("Undo").focus();
  fireEvent.keyDown(screen.getByText("Undo"), { key: "Escape" });
  document.removeEventListener("keydown", beneath);
  expect(onGone).toHaveBeenCalledOnce();
  expect(beneath).not.toHaveBeenCalled();
});

test("with zero seconds it stays until it is closed", async () => {
  open({ text: "Not put back.", seconds: 0 });
  await pass(3600);
  expect(screen.getByText("Not put back.")).toBeTruthy();
});

test("each toast counts its own time", async () => {
  open({ ...UNDO, seconds: 2 });
  fireEvent.click(screen.getByText("open"));
  await pass(60);
  expect(onGone).toHaveBeenCalledTimes(2);
});

test("outside of a ToastArea there is a sentence for the developer", () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => render(<Opener toast={UNDO} />)).toThrow("useToast needs a ToastArea around it.");
});
