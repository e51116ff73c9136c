import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { writeTokens } from "@/lib/auth/session";
import { startTexts } from "@/lib/i18n";
import { ExportData } from "./export-data";

const LINES = '{"type":"account"}\n{"type":"message","content":"ü {\\"type\\":\\"end\\"}"}\n';
const END = '{"type":"end","counts":{"messages":1}}\n';
const server = vi.fn<(request: Request) => Promise<Response>>();
const saved = vi.fn<(name: string) => void>();
const kept: Blob[] = [];

function press(): void {
  fireEvent.click(screen.getByRole("button", { name: "Download everything" }));
}

/** A body that breaks off after its first piece. */
function broken(): ReadableStream {
  const piece = new TextEncoder().encode(LINES);
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new TypeError("network error"));
      else controller.enqueue(piece);
      sent = true;
    },
  });
}

beforeAll(async () => {
  await startTexts();
});

beforeEach(() => {
  vi.stubGlobal("fetch", server.mockReset());
  saved.mockReset();
  kept.length = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${kept.push(blob as Blob)}`);
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved(this.download);
  });
  const user = { id: "7a1c", email: "alice@example.com" };
  writeTokens({ access_token: "access", refresh_token: "refresh", expires_at: Date.now() / 1000 + 3600, user });
  render(<ExportData />);
});

afterEach(() => {
  cleanup();
  writeTokens(null);
});

test("the whole export is saved under the date of today", async () => {
  server.mockResolvedValue(new Response(LINES + END));
  press();
  await screen.findByText("The file is with your downloads.");
  const request = server.mock.lastCall?.[0];
  expect(new URL(request?.url ?? "").pathname).toBe("/api/auth/export/");
  expect(request?.headers.get("Authorization")).toBe("Bearer access");
  expect(saved).toHaveBeenCalledExactlyOnceWith(`safycore-export-${new Date().toISOString().slice(0, 10)}.jsonl`);
  expect(await kept[0]?.text()).toBe(LINES + END);
});

test("while it runs it says so, and a second press starts no other", async () => {
  let give: (response: Response) => void = () => {};
  server.mockReturnValue(new Promise((resolve) => (give = resolve)));
  press();
  await screen.findByText("Your data is being gathered.");
  press();
  give(new Response(LINES + END));
  await screen.findByText("The file is with your downloads.");
  expect(server).toHaveBeenCalledOnce();
});

test.each([
  ["without its last line", () => new Response(LINES)],
  ["that is empty", () => new Response("")],
  ["that breaks off", () => new Response(broken())],
])("an export %s is not saved", async (_name, response) => {
  server.mockImplementation(() => Promise.resolve(response()));
  press();
  expect((await screen.findByRole("alert")).textContent).toBe("The file did not arrive whole. Try again.");
  expect(saved).not.toHaveBeenCalled();
});

test.each([
  ["too many", 429, "too_many_requests", { "Retry-After": "1200" }, /^That was too often\. .* in 20 minutes/],
  ["no database", 503, "database_unavailable", {}, /^The database does not answer/],
])("a refusal is told in place: %s", async (_name, status, code, headers, sentence) => {
  server.mockResolvedValue(Response.json({ error: "…", code, request_id: "r" }, { status, headers }));
  press();
  expect((await screen.findByRole("alert")).textContent).toMatch(sentence);
  expect(saved).not.toHaveBeenCalled();
});

test("no network is told in place, and the next try can work", async () => {
  server.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  press();
  expect((await screen.findByRole("alert")).textContent).toBe("The server cannot be reached.");
  server.mockResolvedValue(new Response(LINES + END));
  press();
  await screen.findByText("The file is with your downloads.");
  expect(screen.queryByRole("alert")).toBeNull();
});
