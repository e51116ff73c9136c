import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ToastArea } from "@/components/toaster";
import { writeTokens } from "@/lib/auth/session";
import { startTexts } from "@/lib/i18n";
import type { TrainingText } from "./queries";
import { TrainingPanel, type TrainingPanelProps } from "./training-panel";

const SESSION = "chat";
const onAdded = vi.fn();

/** What the server holds, and what it says instead of doing something, by method. */
let stored: TrainingText[];
let refusals: Record<string, () => Response | Promise<never>>;

const full = () => Response.json({ error: "Full.", code: "training_data_full", request_id: "r" }, { status: 400 });
const unreachable = () => Promise.reject(new TypeError("Failed to fetch"));

async function server(request: Request): Promise<Response> {
  const refusal = refusals[request.method];
  if (refusal) return refusal();
  if (request.method === "GET") return Response.json({ training_data: stored });
  if (request.method === "DELETE") return remove(request.url.split("/").at(-2) ?? "");
  return Response.json(store(((await request.json()) as { content: string }).content), { status: 201 });
}

function remove(gone: string): Response {
  stored = stored.filter(({ id }) => id !== gone);
  return Response.json({ message: "Removed." });
}

function store(content: string): TrainingText {
  const now = new Date(Date.UTC(2026, 0, 1, 0, 0, stored.length)).toISOString();
  const text = { id: crypto.randomUUID(), session_id: SESSION, content, created_at: now, updated_at: now };
  const known = stored.find((each) => each.content === content);
  if (!known) stored = [...stored, text];
  return known ?? text;
}

function contents(): string[] {
  return stored.map(({ content }) => content);
}

function panel(props: Partial<TrainingPanelProps> = {}) {
  return <TrainingPanel sessionId={SESSION} open onClose={() => {}} onAdded={onAdded} {...props} />;
}

function show(props: Partial<TrainingPanelProps> = {}) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(panel(props), {
    wrapper: ({ children }) => (
      <QueryClientProvider client={client}>
        <ToastArea>{children}</ToastArea>
      </QueryClientProvider>
    ),
  });
}

function paste(text: string): HTMLElement {
  const box = screen.getByLabelText("Add a text");
  fireEvent.change(box, { target: { value: text } });
  fireEvent.click(screen.getByRole("button", { name: "Add" }));
  return box;
}

async function shownTexts(): Promise<(string | null)[]> {
  const list = await screen.findByRole("region", { name: "Texts" });
  return within(list)
    .getAllByRole("listitem")
    .map((item) => item.querySelector("p")?.textContent ?? null);
}

beforeAll(async () => {
  await startTexts();
});

beforeEach(() => {
  stored = [];
  refusals = {};
  onAdded.mockReset();
  vi.stubGlobal("fetch", vi.fn(server));
  const expires_at = Date.now() / 1000 + 3600;
  writeTokens({ access_token: "a", refresh_token: "r", expires_at, user: { id: "7a1c", email: "alice@example.com" } });
});

afterEach(() => {
  cleanup();
  writeTokens(null);
});

test("an empty session says what to do", async () => {
  show();
  expect(await screen.findByText("Nothing here yet.")).toBeTruthy();
});

test("texts are shown, the newest first, with how much room they take", async () => {
  store("older");
  store("newer 😀");
  show();
  expect(await shownTexts()).toEqual(["newer 😀", "older"]);
  expect(screen.getByText("12 of 100,000 characters")).toBeTruthy();
  expect(screen.getByText("7 characters")).toBeTruthy();
});

test("a pasted text is added as it is, and the box is empty again", async () => {
  show();
  const box = paste(" opens\nat 7 \n");
  await vi.waitFor(() => expect(box).toHaveProperty("value", ""));
  expect(contents()).toEqual([" opens\nat 7 \n"]);
  expect(screen.getByText("Added.")).toBeTruthy();
  expect(onAdded).toHaveBeenCalledOnce();
});

test("a text that the server does not take stays in the box, with the reason", async () => {
  refusals = { POST: full };
  show();
  const box = paste("too much");
  expect(await screen.findByText(/holds as much training data as it can/)).toBeTruthy();
  expect(box).toHaveProperty("value", "too much");
  expect(onAdded).not.toHaveBeenCalled();
});

test("what was typed outlives the closed panel, and is nobody else's", async () => {
  const { rerender } = show();
  fireEvent.change(screen.getByLabelText("Add a text"), { target: { value: "half a sen" } });
  rerender(panel({ open: false }));
  rerender(panel());
  expect(screen.getByLabelText("Add a text")).toHaveProperty("value", "half a sen");
  rerender(panel({ sessionId: "another" }));
  expect(screen.getByLabelText("Add a text")).toHaveProperty("value", "");
});

test("files that are handed over are added once, and each that cannot be says why", async () => {
  const files = [new File(["a"], "a.txt"), new File(["{"], "b.json"), new File(["c"], "c.csv")];
  const { rerender } = show({ files, open: false });
  expect(fetch).not.toHaveBeenCalledWith(expect.objectContaining({ method: "POST" }));
  rerender(panel({ files }));
  rerender(panel({ files, open: false }));
  rerender(panel({ files }));
  await screen.findByText("2 files added.");
  expect(contents()).toEqual(["a", "c"]);
  expect(screen.getByText("b.json").nextSibling?.textContent).toMatch(/not valid JSON/);
});

test("a file that the server could not be reached with can be tried again", async () => {
  refusals = { POST: unreachable };
  show({ files: [new File(["a"], "a.txt")] });
  const retry = await screen.findByRole("button", { name: "Try again" });
  refusals = {};
  fireEvent.click(retry);
  await screen.findByText("1 file added.");
  expect(contents()).toEqual(["a"]);
  expect(screen.queryByText("a.txt")).toBeNull();
});

test("a removed text is gone at once, and Undo puts it back", async () => {
  store("opens at 7");
  show();
  fireEvent.click(await screen.findByRole("button", { name: "Remove: opens at 7" }));
  await screen.findByText("Nothing here yet.");
  fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
  expect(await shownTexts()).toEqual(["opens at 7"]);
  expect(contents()).toEqual(["opens at 7"]);
});

test("a text that could not be removed is back in its place, with the reason", async () => {
  store("older");
  store("newer");
  refusals = { DELETE: unreachable };
  show();
  fireEvent.click(await screen.findByRole("button", { name: "Remove: older" }));
  expect(await screen.findByText(/could not be removed\. The server cannot be reached/)).toBeTruthy();
  expect(await shownTexts()).toEqual(["newer", "older"]);
});

test("a text that could not be put back is offered until it is", async () => {
  store("opens at 7");
  show();
  fireEvent.click(await screen.findByRole("button", { name: "Remove: opens at 7" }));
  const undo = await screen.findByRole("button", { name: "Undo" });
  refusals = { POST: unreachable };
  fireEvent.click(undo);
  const retry = await screen.findByRole("button", { name: "Try again" });
  refusals = {};
  await act(async () => retry.click());
  await vi.waitFor(() => expect(contents()).toEqual(["opens at 7"]));
});

test("when the texts cannot be had, one can try again", async () => {
  store("opens at 7");
  refusals = { GET: unreachable };
  show();
  const retry = await screen.findByRole("button", { name: "Try again" });
  refusals = {};
  fireEvent.click(retry);
  expect(await shownTexts()).toEqual(["opens at 7"]);
});
