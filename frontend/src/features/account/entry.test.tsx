import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { readTokens, writeTokens } from "@/lib/auth/session";
import { startTexts } from "@/lib/i18n";
import { ForgotPassword, ResetPassword, SignIn, SignUp } from "./entry";

// Before the client is loaded, which keeps the `fetch` that it finds.
const server = vi.hoisted(() => {
  const fake = vi.fn<(request: Request) => Promise<Response>>();
  vi.stubGlobal("fetch", fake);
  return fake;
});

const SIGNED_IN = {
  message: "Signed in.",
  user: { id: "7a1c", email: "alice@example.com" },
  access_token: "access",
  refresh_token: "refresh",
  expires_in: 3600,
};
const WAITING = { ...SIGNED_IN, user: { id: null, email: null }, access_token: null, refresh_token: null };

function refusal(status: number, code: string, fields = {}, headers = {}): Response {
  return Response.json({ error: "No.", code, request_id: "r", fields }, { status, headers });
}

function fill(label: string, value: string): void {
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
}

function fillIn(email = "alice@example.com", password = "correct horse"): void {
  fill("E-mail address", email);
  fill("Password", password);
}

function press(name: string): void {
  fireEvent.click(screen.getByRole("button", { name }));
}

beforeAll(async () => {
  await startTexts();
});

beforeEach(() => {
  server.mockReset();
  history.replaceState(null, "", "/signin");
});

afterEach(() => {
  cleanup();
  writeTokens(null);
  sessionStorage.clear();
});

describe("signing in", () => {
  test("keeps the tokens of the answer", async () => {
    server.mockResolvedValue(Response.json(SIGNED_IN));
    render(<SignIn />);
    fillIn();
    press("Sign in");
    await vi.waitFor(() => expect(readTokens()?.access_token).toBe("access"));
    const [request] = server.mock.lastCall ?? [];
    expect(request?.url).toMatch(/\/api\/auth\/login\/$/);
    expect(await request?.json()).toEqual({ email: "alice@example.com", password: "correct horse" });
  });

  test("with a wrong password says so and loses nothing", async () => {
    server.mockResolvedValue(refusal(401, "invalid_credentials"));
    render(<SignIn />);
    fillIn();
    press("Sign in");
    expect((await screen.findByRole("alert")).textContent).toBe("The e-mail address or the password is wrong.");
    expect(screen.getByLabelText("E-mail address")).toHaveProperty("value", "alice@example.com");
    expect(screen.getByLabelText("Password")).toHaveProperty("value", "correct horse");
    expect(readTokens()).toBeNull();
  });

  test("with nothing typed asks the server nothing, and goes to the first field", async () => {
    render(<SignIn />);
    press("Sign in");
    await screen.findByText("Enter your e-mail address.");
    expect(screen.getByText("Enter your password.")).toBeTruthy();
    expect(document.activeElement).toBe(screen.getByLabelText("E-mail address"));
    expect(server).not.toHaveBeenCalled();
  });

  test("pressed twice asks once", async () => {
    let reply = (_response: Response) => {};
    server.mockReturnValue(new Promise((resolve) => (reply = resolve)));
    render(<SignIn />);
    fillIn();
    press("Sign in");
    press("Sign in");
    fireEvent.submit(screen.getByLabelText("Password").closest("form") as HTMLFormElement);
    await vi.waitFor(() => expect(server).toHaveBeenCalledOnce());
    expect(screen.getByRole("button", { name: "Sign in" }).getAttribute("aria-busy")).toBe("true");
    reply(refusal(401, "invalid_credentials"));
    await screen.findByRole("alert");
    expect(server).toHaveBeenCalledOnce();
  });

  test("too often says when it goes on", async () => {
    server.mockResolvedValue(refusal(429, "too_many_requests", {}, { "Retry-After": "40" }));
    render(<SignIn />);
    fillIn();
    press("Sign in");
    expect((await screen.findByRole("alert")).textContent).toMatch(/^That was too often\. .*40 seconds/);
  });

  test("without a network says so", async () => {
    server.mockRejectedValue(new TypeError("Failed to fetch"));
    vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
    render(<SignIn />);
    fillIn();
    press("Sign in");
    expect((await screen.findByRole("alert")).textContent).toBe("You are offline. Try again when you are back.");
  });

  test("after a login that ended by itself tells that nothing is lost", () => {
    localStorage.setItem("safycore.ended", "1");
    render(<SignIn />);
    expect(screen.getByRole("status").textContent).toMatch(/^Your login has ended\./);
  });

  test("shows the password while one wants to see it", () => {
    render(<SignIn />);
    press("Show password");
    expect(screen.getByLabelText("Password").getAttribute("type")).toBe("text");
    press("Hide password");
    expect(screen.getByLabelText("Password").getAttribute("type")).toBe("password");
  });

  test("and signing up lead to each other without losing where to go", () => {
    history.replaceState(null, "", "/signin?next=%2Fc%2Fchat");
    render(<SignIn />);
    const link = screen.getByRole("link", { name: "Create one" });
    expect(link.getAttribute("href")).toBe("/signup?next=%2Fc%2Fchat");
  });
});

describe("signing up", () => {
  test("where the address waits for its confirmation says to look into the mail", async () => {
    server.mockResolvedValue(Response.json(WAITING, { status: 201 }));
    render(<SignUp />);
    fillIn();
    press("Create account");
    const title = await screen.findByRole("heading", { name: "Look into your mail" });
    expect(screen.getByText(/alice@example\.com can have an account/)).toBeTruthy();
    expect(document.activeElement).toBe(title);
    expect(readTokens()).toBeNull();
  });

  test("shows at the field what the server does not take", async () => {
    server.mockResolvedValue(refusal(400, "invalid_input", { password: ["This password is too weak."] }));
    render(<SignUp />);
    fillIn();
    press("Create account");
    await screen.findByText(/^Choose another one/);
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
  });

  test("shows first what is gone with a deleted account", () => {
    history.replaceState({ deleted: { messages: 4, users: 1 } }, "", "/signup");
    render(<SignUp />);
    expect(screen.getAllByRole("listitem").map((line) => line.textContent)).toEqual(["4 messages", "1 account"]);
    press("Done");
    expect(screen.getByRole("heading", { name: "Create an account" })).toBeTruthy();
  });
});

test("a forgotten password says the same for every address", async () => {
  server.mockResolvedValue(Response.json({ message: "…" }));
  render(<ForgotPassword />);
  fill("E-mail address", "alice@example.com");
  press("Send the mail");
  await screen.findByRole("heading", { name: "Look into your mail" });
  expect(screen.getByText("If alice@example.com has an account, a mail with a link is on its way.")).toBeTruthy();
});

describe("the link of a reset mail", () => {
  test("is taken out of the address bar, and sent with the new password", async () => {
    history.replaceState(null, "", "/reset-password?token_hash=abc&type=recovery");
    server.mockResolvedValue(Response.json({ message: "…" }));
    writeTokens({ access_token: "a", refresh_token: "r", expires_at: 0, user: { id: "7a1c", email: "" } });
    render(<ResetPassword />);
    expect(location.search).toBe("");
    fill("New password", "correct horse");
    press("Change password");
    await vi.waitFor(() => expect(location.pathname).toBe("/signin"));
    expect(await server.mock.lastCall?.[0].json()).toEqual({ token_hash: "abc", new_password: "correct horse" });
    expect(readTokens()).toBeNull();
    cleanup();
    render(<SignIn />);
    expect(screen.getByRole("status").textContent).toMatch(/^Your password is changed\./);
  });

  test("that is used up leaves what was typed, and offers a new one", async () => {
    history.replaceState(null, "", "/reset-password#access_token=abc&type=recovery");
    server.mockResolvedValue(refusal(400, "link_not_valid"));
    render(<ResetPassword />);
    expect(location.hash).toBe("");
    fill("New password", "correct horse");
    press("Change password");
    expect((await screen.findByRole("alert")).textContent).toBe("This link is not good any more. Ask for a new one.");
    expect(screen.getByLabelText("New password")).toHaveProperty("value", "correct horse");
    expect(screen.getByRole("link", { name: "Ask for a new link" }).getAttribute("href")).toBe("/forgot-password");
  });

  test("that a refused password has used up is not needed for another one", async () => {
    history.replaceState(null, "", "/reset-password?token_hash=abc&type=recovery");
    const fields = { new_password: ["No."] };
    const refused = { error: "No.", code: "invalid_input", request_id: "r", fields, recovery_token: "next" };
    server.mockResolvedValueOnce(Response.json(refused, { status: 400 }));
    server.mockResolvedValueOnce(refusal(503, "auth_unavailable"));
    server.mockResolvedValueOnce(Response.json({ message: "…" }));
    render(<ResetPassword />);
    const sent = [];
    for (const password of ["alice@example.com", "correct horse", "correct horse"]) {
      fill("New password", password);
      press("Change password");
      await vi.waitFor(() => expect(server).toHaveBeenCalledTimes(sent.length + 1));
      sent.push(await server.mock.lastCall?.[0].json());
      await vi.waitFor(() => expect(screen.queryByRole("button", { busy: true })).toBeNull());
    }
    expect(sent).toEqual([
      { token_hash: "abc", new_password: "alice@example.com" },
      { recovery_token: "next", new_password: "correct horse" },
      { recovery_token: "next", new_password: "correct horse" },
    ]);
    await vi.waitFor(() => expect(location.pathname).toBe("/signin"));
  });

  test("must be there", () => {
    history.replaceState(null, "", "/reset-password");
    render(<ResetPassword />);
    expect(screen.getByText(/^This page needs the link from your mail\./)).toBeTruthy();
    expect(screen.queryByLabelText("New password")).toBeNull();
  });
});
