import { endsSoon, type TokenStore, type Tokens } from "./tokens";

export interface RenewalParts {
  readonly store: TokenStore;
  /** Asks the server; null when it says that the login has ended. Throws when it cannot be asked. */
  readonly renew: (refreshToken: string) => Promise<Tokens | null>;
  /** Runs one task at a time, over all tabs: a refresh token works once. */
  readonly exclusively: <T>(task: () => Promise<T>) => Promise<T>;
  readonly nowSeconds: () => number;
}

export interface Renewal {
  /** Tokens that are good for a while, renewed first when they are not; null when nobody is signed in any more. */
  fresh(): Promise<Tokens | null>;
  /** Tokens other than those that were refused; null when there are none to be had. */
  after(refused: Tokens): Promise<Tokens | null>;
}

/** Keeps one person signed in: however many calls ask at a time, in however many tabs, there is one renewal. */
export function createRenewal({ store, renew, exclusively, nowSeconds }: RenewalParts): Renewal {
  let running: Promise<Tokens | null> | null = null;

  async function renewUnlessDone(stale: Tokens): Promise<Tokens | null> {
    const current = store.read();
    if (current === null || current.access_token !== stale.access_token) return current;
    const renewed = await renew(current.refresh_token);
    // Signing out meanwhile wins; so does signing in as somebody else.
    if (store.read()?.refresh_token !== current.refresh_token) return store.read();
    store.write(renewed);
    return renewed;
  }

  function renewed(stale: Tokens): Promise<Tokens | null> {
    running ??= exclusively(() => renewUnlessDone(stale)).finally(() => {
      running = null;
    });
    return running;
  }

  return {
    async fresh() {
      const tokens = store.read();
      return tokens !== null && endsSoon(tokens, nowSeconds()) ? renewed(tokens) : tokens;
    },
    async after(refused) {
      const tokens = store.read();
      return tokens !== null && tokens.access_token === refused.access_token ? renewed(tokens) : tokens;
    },
  };
}
