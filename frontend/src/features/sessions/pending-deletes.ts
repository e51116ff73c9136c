/** Sessions that are shown as deleted while the person can still take that back. */
export class PendingDeletes {
  #ids: ReadonlySet<string> = new Set();
  #listeners = new Set<() => void>();
  #remove: (sessionId: string, keepalive: boolean) => Promise<void>;

  /** `remove` deletes for good; with `keepalive` it must outlive the page. */
  constructor(remove: (sessionId: string, keepalive: boolean) => Promise<void>) {
    this.#remove = remove;
  }

  /** The same object until it changes. */
  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  add(sessionId: string): void {
    this.#set(new Set([...this.#ids, sessionId]));
  }

  undo(sessionId: string): void {
    this.#drop(sessionId);
  }

  /** Deletes for good, once; throws what `remove` throws, with the session shown again. */
  async carryOut(sessionId: string): Promise<void> {
    if (!this.#ids.has(sessionId)) return;
    try {
      await this.#remove(sessionId, false);
    } finally {
      this.#drop(sessionId);
    }
  }

  /** The page or the login is left: what was deleted stays deleted. */
  async carryOutAll(): Promise<void> {
    const pending = [...this.#ids];
    const removals = pending.map((sessionId) => this.#remove(sessionId, true).finally(() => this.#drop(sessionId)));
    await Promise.allSettled(removals);
  }

  #drop(sessionId: string): void {
    this.#set(new Set([...this.#ids].filter((id) => id !== sessionId)));
  }

  #set(ids: ReadonlySet<string>): void {
    this.#ids = ids;
    for (const listener of this.#listeners) listener();
  }
}
