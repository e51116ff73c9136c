import { type Api, answer } from "@/lib/api/client";
import { waitOrOnline } from "./backoff";
import { Conversation } from "./conversation";
import { historyPage } from "./history";
import { createTransport } from "./transport";

interface ConversationsParts {
  readonly api: Api;
  readonly apiUrl: string;
  readonly fetch: typeof fetch;
  readonly model: () => string | undefined;
}

// Conversations that nobody looks at and nothing happens in are let go beyond this number, the oldest first.
const KEPT = 20;
const STOP_MILLISECONDS = 6_000;

/** The conversations of one person that this page has opened: they live on while others are looked at. */
export class Conversations {
  #parts: ConversationsParts;
  #opened = new Map<string, Conversation>();
  #listeners = new Set<() => void>();
  #running: ReadonlySet<string> = new Set();

  constructor(parts: ConversationsParts) {
    this.#parts = parts;
  }

  /** The conversation of a session, the same one each time. One that `isNew` has nothing to be read. */
  get(sessionId: string, isNew = false): Conversation {
    const conversation = this.#opened.get(sessionId) ?? this.#open(sessionId);
    if (isNew) conversation.begin();
    // Put last: the order of the map is the order of use.
    this.#opened.delete(sessionId);
    this.#opened.set(sessionId, conversation);
    this.#letGo();
    return conversation;
  }

  /** Forgets a conversation that was deleted. */
  forget(sessionId: string): void {
    this.#opened.get(sessionId)?.close();
    this.#opened.delete(sessionId);
    this.#noteRunning();
  }

  close(): void {
    for (const conversation of this.#opened.values()) conversation.close();
    this.#opened.clear();
  }

  /** The sessions in which a reply is running on this page; the same object until that changes. */
  get running(): ReadonlySet<string> {
    return this.#running;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #open(id: string): Conversation {
    const { api, apiUrl, fetch, model } = this.#parts;
    const conversation = new Conversation({
      id,
      transport: createTransport({ apiUrl, fetch, model }),
      page: (before) => historyPage(api, id, before),
      stopReply: async () => {
        const options = { params: { path: { session_id: id } }, signal: AbortSignal.timeout(STOP_MILLISECONDS) };
        await answer(api.POST("/api/chat/conversation/{session_id}/stop/", options));
      },
      wait: waitOrOnline,
      newId: () => crypto.randomUUID(),
    });
    conversation.subscribe(() => this.#noteRunning());
    return conversation;
  }

  #letGo(): void {
    // The last one is the one that was just asked for.
    const idle = [...this.#opened.values()].slice(0, -1).filter(({ state }) => !state.running);
    for (const conversation of idle.slice(0, Math.max(0, this.#opened.size - KEPT))) {
      this.#opened.delete(conversation.id);
      conversation.close();
    }
  }

  #noteRunning(): void {
    const running = [...this.#opened.values()].filter(({ state }) => state.running);
    const ids = running.map(({ id }) => id);
    if (ids.length === this.#running.size && ids.every((id) => this.#running.has(id))) return;
    this.#running = new Set(ids);
    for (const listener of this.#listeners) listener();
  }
}
