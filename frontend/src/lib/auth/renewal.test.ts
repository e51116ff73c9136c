import { describe, expect, it } from "vitest";
import { createRenewal } from "./renewal";
import type { Tokens } from "./tokens";

const NOW = 10_000;

function tokensOf(name: string, expires_at = NOW + 3600): Tokens {
  return {
    access_token: `access-${name}`,
    refresh_token: `refresh-${name}`,
    expires_at,
    user: { id: "a", email: "e" },
  };
}

/** One browser: a store that its tabs share, a lock, and a server that takes each refresh token once. */
function browser(stored: Tokens | null) {
  const state = { stored, asked: [] as string[], answers: [] as (() => Promise<Tokens | null>)[] };
  let lock: Promise<unknown> = Promise.resolve();
  const exclusively = <T>(task: () => Promise<T>): Promise<T> => {
    const running = lock.then(task, task);
    lock = running.catch(() => undefined);
    return running;
  };
  const store = {
    read: () => state.stored,
    write: (tokens: Tokens | null) => {
      state.stored = tokens;
    },
  };
  const renew = (refreshToken: string) => {
    state.asked.push(refreshToken);
    return (state.answers.shift() ?? (async () => tokensOf("new")))();
  };
  const tab = () => createRenewal({ store, renew, exclusively, nowSeconds: () => NOW });
  return { state, tab };
}

describe("renewal", () => {
  it("leaves tokens alone that are good for a while", async () => {
    const { state, tab } = browser(tokensOf("old"));
    expect(await tab().fresh()).toEqual(tokensOf("old"));
    expect(state.asked).toEqual([]);
  });

  it("renews once for many calls at a time", async () => {
    const { state, tab } = browser(tokensOf("old", NOW + 10));
    const one = tab();
    const all = await Promise.all(Array.from({ length: 20 }, () => one.fresh()));
    expect(new Set(all.map((tokens) => tokens?.access_token))).toEqual(new Set(["access-new"]));
    expect(state.asked).toEqual(["refresh-old"]);
  });

  it("renews once for many tabs at a time", async () => {
    const { state, tab } = browser(tokensOf("old", NOW + 10));
    const all = await Promise.all(Array.from({ length: 5 }, () => tab().fresh()));
    expect(all.every((tokens) => tokens?.access_token === "access-new")).toBe(true);
    expect(state.asked).toEqual(["refresh-old"]);
  });

  it("renews after a refusal, and not again when somebody else has", async () => {
    const { state, tab } = browser(tokensOf("old"));
    expect((await tab().after(tokensOf("old")))?.access_token).toBe("access-new");
    expect((await tab().after(tokensOf("old")))?.access_token).toBe("access-new");
    expect(state.asked).toEqual(["refresh-old"]);
  });

  it("signs out when the server says that the login has ended", async () => {
    const { state, tab } = browser(tokensOf("old", NOW));
    state.answers.push(async () => null);
    expect(await tab().fresh()).toBeNull();
    expect(state.stored).toBeNull();
  });

  it("keeps the login when the server cannot be asked, and asks again later", async () => {
    const { state, tab } = browser(tokensOf("old", NOW));
    state.answers.push(() => Promise.reject(new TypeError("fetch failed")));
    const one = tab();
    await expect(one.fresh()).rejects.toThrow(TypeError);
    expect(state.stored).toEqual(tokensOf("old", NOW));
    expect((await one.fresh())?.access_token).toBe("access-new");
  });

  it("does not sign in again whoever signed out meanwhile", async () => {
    const { state, tab } = browser(tokensOf("old", NOW));
    state.answers.push(async () => {
      state.stored = null;
      return tokensOf("new");
    });
    expect(await tab().fresh()).toBeNull();
    expect(state.stored).toBeNull();
  });

  it("does not put one person's tokens in the place of another's", async () => {
    const { state, tab } = browser(tokensOf("old", NOW));
    const other = tokensOf("other");
    state.answers.push(async () => {
      state.stored = other;
      return tokensOf("new");
    });
    await tab().fresh();
    expect(state.stored).toBe(other);
  });
});
