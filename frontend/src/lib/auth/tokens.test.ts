import { describe, expect, it } from "vitest";
import { endsSoon, parseTokens, tokensFrom } from "./tokens";

const user = { id: "a", email: "alice@example.com" };
const tokens = { access_token: "x", refresh_token: "y", expires_at: 1_000, user };

describe("tokens", () => {
  it("are made of an answer, with the moment they end", () => {
    const answer = { user, access_token: "x", refresh_token: "y", expires_in: 3600 };
    expect(tokensFrom(answer, 100)).toEqual({ access_token: "x", refresh_token: "y", expires_at: 3700, user });
  });

  it("are none while an address waits for its confirmation", () => {
    const answer = { user: { id: null, email: null }, access_token: null, refresh_token: null, expires_in: null };
    expect(tokensFrom(answer, 100)).toBeNull();
  });

  it("end soon a minute before they end", () => {
    expect(endsSoon(tokens, 940)).toBe(false);
    expect(endsSoon(tokens, 941)).toBe(true);
  });

  it.each([null, "", "{", "null", "[]", "1", '{"access_token":"x"}', JSON.stringify({ ...tokens, user: null })])(
    "are not read from %j",
    (text) => expect(parseTokens(text)).toBeNull(),
  );

  it("are read as they were written", () => {
    expect(parseTokens(JSON.stringify(tokens))).toEqual(tokens);
  });
});
