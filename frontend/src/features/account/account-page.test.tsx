import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { readTokens, writeTokens } from "@/lib/auth/session";
import { chooseLanguage, startTexts } from "@/lib/i18n";
import { AccountPage } from "./account-page";

const EMAIL = "alice@example.com";
const server = vi.fn<(request: Request) => Promise<Response>>();

function fill(label: string | RegExp, value: string): void {
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
}

function press(name: string): void {
  fireEvent.click(screen.getByRole("button", { name }));
}

beforeAll(async () => {
  await startTexts();
});

beforeEach(() => {
  vi.stubGlobal("fetch", server.mockReset());
  history.replaceState(null, "", "/account");
  const expires_at = Date.now() / 1000 + 3600;
  writeTokens({ access_token: "access", refresh_token: "refresh", expires_at, user: { id: "7a1c", email: EMAIL } });
  render(<AccountPage />);
});

afterEach(() => {
  cleanup();
  writeTokens(null);
});

test("the address of the account is on the page", () => {
  expect(screen.getByText(EMAIL)).toBeTruthy();
});

test.each([
  ["the server takes it", () => Promise.resolve(Response.json({ message: "…" }))],
  ["the server fails", () => Promise.resolve(Response.json({}, { status: 503 }))],
  ["there is no network", () => Promise.reject(new TypeError("Failed to fetch"))],
])("signing out forgets the login when %s", async (_name, reply) => {
  server.mockImplementation(reply);
  press("Sign out");
  await vi.waitFor(() => expect(readTokens()).toBeNull());
  expect(server.mock.lastCall?.[0].headers.get("Authorization")).toBe("Bearer access");
  expect(location.pathname).toBe("/signin");
});

test("a changed password is told of, and its fields are empty again", async () => {
  server.mockResolvedValue(Response.json({ message: "…" }));
  fill("Current password", "correct horse");
  fill("New password", "battery staple");
  press("Change password");
  expect((await screen.findByRole("status")).textContent).toMatch(/^Your password is changed\./);
  expect(screen.getByLabelText("Current password")).toHaveProperty("value", "");
  expect(screen.getByLabelText("New password")).toHaveProperty("value", "");
  expect(readTokens()).not.toBeNull();
});

test("a wrong current password is told of at its field", async () => {
  const fields = { current_password: ["This is not your current password."] };
  server.mockResolvedValue(
    Response.json({ error: "No.", code: "invalid_input", request_id: "r", fields }, { status: 400 }),
  );
  fill("Current password", "wrong");
  fill("New password", "battery staple");
  press("Change password");
  await screen.findByText("This is not your password.");
  expect(document.activeElement).toBe(screen.getByLabelText("Current password"));
});

test("deleting wants the address typed, and leaves with the receipt", async () => {
  press("Delete account …");
  fill("Password", "correct horse");
  press("Delete everything");
  await screen.findByText("This is not the address of this account.");
  expect(server).not.toHaveBeenCalled();

  server.mockResolvedValue(Response.json({ message: "…", deleted: { users: 1, messages: 4 } }));
  fill(/^Type alice@example\.com/, EMAIL);
  press("Delete everything");
  await vi.waitFor(() => expect(location.pathname).toBe("/signup"));
  expect(history.state).toEqual({ deleted: { users: 1, messages: 4 } });
  expect(await server.mock.lastCall?.[0].json()).toEqual({ password: "correct horse" });
  expect(readTokens()).toBeNull();
});

test("another language is there at once", async () => {
  fireEvent.click(screen.getByRole("radio", { name: "Deutsch" }));
  await screen.findByRole("heading", { name: "Konto" });
  expect(document.documentElement.lang).toBe("de");
  await chooseLanguage("en");
});
