import { describe, expect, it } from "vitest";
import type { Renewal } from "@/lib/auth/renewal";
import type { Tokens } from "@/lib/auth/tokens";
import { createAuthorisedFetch } from "./authorised-fetch";
import { NetworkError, SignedOut } from "./errors";

const tokens = (name: string): Tokens => ({
  access_token: name,
  refresh_token: "r",
  expires_at: 0,
  user: { id: "a", email: "e" },
});

function renewalOf(first: Tokens | null, second: Tokens | null): Renewal {
  return { fresh: async () => first, after: async () => second };
}

/** A server that refuses the token "old", and tells what it was sent. */
function server() {
  const seen: { token: string | null; body: string }[] = [];
  const send: typeof fetch = async (input) => {
    const request = input as Request;
    const token = request.headers.get("Authorization");
    seen.push({ token, body: await request.text() });
    return new Response("{}", { status: token === "Bearer old" ? 401 : 200 });
  };
  return { seen, send };
}

const fetchAs = (renewal: Renewal, send: typeof fetch, person = "a") =>
  createAuthorisedFetch({ renewal, send, personId: () => person });
const call = { method: "POST", body: "hello" };

describe("authorised fetch", () => {
  it("sends the token", async () => {
    const { seen, send } = server();
    await fetchAs(renewalOf(tokens("good"), null), send)("https://api.example.com/x", call);
    expect(seen).toEqual([{ token: "Bearer good", body: "hello" }]);
  });

  it("sends the same again, once, when the token was refused", async () => {
    const { seen, send } = server();
    const response = await fetchAs(renewalOf(tokens("old"), tokens("new")), send)("https://a.example/x", call);
    expect(response.status).toBe(200);
    expect(seen).toEqual([
      { token: "Bearer old", body: "hello" },
      { token: "Bearer new", body: "hello" },
    ]);
  });

  it("asks nobody when nobody is signed in", async () => {
    const { seen, send } = server();
    const asking = fetchAs(renewalOf(null, null), send)("https://a.example/x", call);
    await expect(asking).rejects.toThrow(SignedOut);
    expect(seen).toEqual([]);
  });

  it("says that the login is over when it cannot be renewed", async () => {
    const { send } = server();
    const asking = fetchAs(renewalOf(tokens("old"), null), send)("https://a.example/x", call);
    await expect(asking).rejects.toThrow(SignedOut);
  });

  it("never sends what one person asks under the name of another who signed in meanwhile", async () => {
    const { seen, send } = server();
    const bob = { ...tokens("bobs"), user: { id: "b", email: "e" } };
    await expect(fetchAs(renewalOf(bob, null), send)("https://a.example/x", call)).rejects.toThrow(SignedOut);
    await expect(fetchAs(renewalOf(tokens("old"), bob), send)("https://a.example/x", call)).rejects.toThrow(SignedOut);
    expect(seen.map(({ token }) => token)).toEqual(["Bearer old"]);
  });

  it("tells a network that is away from everything else", async () => {
    const away = fetchAs(renewalOf(tokens("good"), null), () => Promise.reject(new TypeError("x")));
    await expect(away("https://a.example/x")).rejects.toThrow(NetworkError);
    const aborted = fetchAs(renewalOf(tokens("good"), null), () => Promise.reject(new DOMException("", "AbortError")));
    await expect(aborted("https://a.example/x")).rejects.toThrow(DOMException);
  });
});
