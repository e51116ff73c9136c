import { Chat } from "@ai-sdk/react";
import type { ChatTransport } from "ai";
import { ApiError, SignedOut } from "@/lib/api/errors";
import { backoff } from "./backoff";
import type { HistoryPage } from "./history";
import { type ChatMessage, isPending, merged, type StreamError, textOf, userMessage } from "./messages";

export interface ConversationState {
  readonly loading: "loading" | "ready" | "failed";
  /** Why the history could not be read, or a message could not be sent. */
  readonly problem: unknown;
  /** A reply is being made, joined or looked for: nothing else can be begun. */
  readonly running: boolean;
  /** The connection was lost in mid-reply, and is being looked for. */
  readonly reconnecting: boolean;
  readonly older: "none" | "there" | "loading" | "failed";
  /** A text that seemed not to have been accepted, and has arrived all the same. */
  readonly arrived: string | null;
}

export interface ConversationParts {
  readonly id: string;
  readonly transport: ChatTransport<ChatMessage>;
  readonly page: (before: number | null) => Promise<HistoryPage>;
  readonly stopReply: () => Promise<void>;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly newId: () => string;
}

const AT_FIRST: ConversationState = {
  loading: "loading",
  problem: null,
  running: false,
  reconnecting: false,
  older: "none",
  arrived: null,
};
// How long the server may take to end a stream that it was asked to stop.
const STOP_MILLISECONDS = 1_500;
const STOP_ATTEMPTS = 3;

/**
 * One conversation, alive as long as the page: its messages (in `chat`), and what else there is to know about it.
 * One thing runs at a time. Replies go on, are joined and found again without anybody looking at them. What fails is
 * told by `state.problem`, not thrown.
 */
export class Conversation {
  readonly id: string;
  readonly chat: Chat<ChatMessage>;
  #parts: ConversationParts;
  #state = AT_FIRST;
  #listeners = new Set<() => void>();
  #cursor: number | null = null;
  #history: Promise<void> | null = null;
  #looking: Promise<void> | null = null;
  #reported: StreamError | null = null;
  // What could not be sent, and the id under which it may have arrived all the same.
  #unsent: { text: string; id: string } | null = null;
  // Counts what was begun: a stop is meant for one of these.
  #turn = 0;
  #closed = false;

  constructor(parts: ConversationParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.chat = new Chat<ChatMessage>({
      id: parts.id,
      transport: parts.transport,
      onData: (part) => {
        if (part.type === "data-error") this.#reported = part.data;
      },
    });
  }

  get state(): ConversationState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Reads the newest messages, once, and joins a reply that runs. */
  async load(): Promise<void> {
    if (this.#history !== null) return this.#history;
    await this.#readHistory();
    await this.#joinIfRunning();
  }

  /** A conversation that is known to be new has nothing to be read. */
  begin(): void {
    if (this.#history !== null) return;
    this.#history = Promise.resolve();
    this.#set({ loading: "ready" });
  }

  async retryLoading(): Promise<void> {
    if (this.#state.loading !== "failed") return;
    await this.#readHistory();
    await this.#joinIfRunning();
  }

  /** Sends a message; false when it was not accepted, and is not shown any more. */
  async send(text: string): Promise<boolean> {
    if (this.#state.running) return false;
    this.#set({ problem: null, arrived: null });
    await this.#occupied(async () => {
      await this.#history;
      if (this.#state.loading === "ready") await this.#send(text);
      else this.#unsent = { text, id: this.#parts.newId() };
    });
    if (isInTheWay(this.#state.problem)) void this.sync();
    return this.#closed || this.#unsent === null;
  }

  /** Has the last message answered again. */
  async regenerate(): Promise<void> {
    if (this.#state.running || this.chat.lastMessage === undefined) return;
    this.#unsent = null;
    this.#set({ problem: null });
    const former = this.chat.lastMessage;
    await this.#occupied(() => this.#streamed(() => this.chat.regenerate()));
    // Refused: what stood there before stands there still.
    const isGone = this.#state.problem !== null && this.chat.lastMessage?.role === "user";
    if (isGone && former.role === "assistant") this.chat.messages = [...this.chat.messages, former];
  }

  /** Stops the running reply at the server, which keeps what was said; the stream then ends by itself. */
  async stop(): Promise<void> {
    const turn = this.#turn;
    const isRunning = () => this.#state.running && this.#turn === turn;
    try {
      // Again when nothing stopped: the message may have been on its way to the server yet.
      for (let attempt = 0; attempt < STOP_ATTEMPTS && isRunning(); attempt++) {
        await this.#parts.stopReply();
        await Promise.race([this.#whenIdle(), this.#parts.wait(STOP_MILLISECONDS)]);
      }
    } catch (error) {
      this.#set({ problem: error });
    }
    if (isRunning()) await this.chat.stop();
  }

  /** Looks what has happened elsewhere, unless something happens here; joins a reply that runs. */
  async sync(): Promise<void> {
    if (this.#state.running || this.#state.loading === "loading") return;
    if (this.#state.loading === "failed") return this.retryLoading();
    this.#looking ??= this.#takeNewest().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
    await this.#joinIfRunning();
  }

  /** Puts the page before the oldest message shown in front; calls `onArrival` just before it does. */
  async loadOlder(onArrival: () => void = () => undefined): Promise<void> {
    if (this.#cursor === null || this.#state.older === "loading") return;
    this.#set({ older: "loading" });
    try {
      const page = await this.#parts.page(this.#cursor);
      onArrival();
      const known = new Set(this.chat.messages.map(({ id }) => id));
      this.chat.messages = [...page.messages.filter(({ id }) => !known.has(id)), ...this.chat.messages];
      this.#setCursor(page.next);
    } catch {
      this.#set({ older: "failed" });
    }
  }

  clearProblem(): void {
    this.#set({ problem: null });
  }

  /** Lets go of the connection; the reply goes on at the server. */
  close(): void {
    this.#closed = true;
    void this.chat.stop();
  }

  #readHistory(): Promise<void> {
    this.#history = this.#read();
    return this.#history;
  }

  async #read(): Promise<void> {
    this.#set({ loading: "loading", problem: null });
    try {
      this.#takePage(await this.#parts.page(null));
      this.#set({ loading: "ready" });
    } catch (error) {
      this.#set({ loading: "failed", problem: error });
    }
  }

  async #takeNewest(): Promise<void> {
    try {
      const page = await this.#parts.page(null);
      if (!this.#state.running) this.#takePage(page);
    } catch (error) {
      if (!isPassing(error)) this.#set({ problem: error });
    }
  }

  /** Puts the newest page over what is shown. */
  #takePage(page: HistoryPage): void {
    const messages = merged(this.chat.messages, page.messages);
    this.chat.messages = messages;
    if (messages.length === page.messages.length && this.#state.older !== "loading") this.#setCursor(page.next);
    const { text, id } = this.#unsent ?? {};
    if (id === undefined || !page.messages.some((message) => message.id === id)) return;
    this.#unsent = null;
    this.#set({ arrived: text ?? null, problem: null });
  }

  async #joinIfRunning(): Promise<void> {
    if (this.#state.running || this.chat.lastMessage?.metadata?.status !== "streaming") return;
    await this.#occupied(() => this.#streamed(() => this.chat.resumeStream()));
  }

  /** Runs one thing, during which nothing else can be begun. */
  async #occupied(task: () => Promise<void>): Promise<void> {
    this.#turn += 1;
    this.#set({ running: true });
    try {
      await task();
    } finally {
      this.#set({ running: false, reconnecting: false });
    }
  }

  async #send(text: string): Promise<void> {
    const id = this.#unsent?.text === text ? this.#unsent.id : this.#parts.newId();
    this.#unsent = { text, id };
    await this.#streamed(() => this.chat.sendMessage(userMessage(id, text)));
  }

  /** Runs one stream to its end, and makes sense of how it ended. */
  async #streamed(run: () => Promise<void>): Promise<void> {
    this.#reported = null;
    await run();
    if (this.#closed) return;
    const { lastMessage, error } = this.chat;
    if (this.#reported !== null) this.#markFailed(this.#reported, error);
    else if (isRefusal(error, lastMessage)) return this.#takeBack(error);
    else if (isPending(lastMessage)) await this.#reconnect();
    else if (lastMessage?.id === this.#unsent?.id) return this.#settleUnsent();
    this.#unsent = null;
    this.chat.clearError();
  }

  /** The model failed: the reply says so in its place, after a reload as well as now. */
  #markFailed(reported: StreamError, error: Error | undefined): void {
    const last = this.chat.lastMessage;
    if (last?.role !== "assistant") return;
    const status = textOf(last) === "" ? "error" : "interrupted";
    const { code, retry_after } = reported;
    const metadata = { status, error_code: code, error_text: error?.message ?? "", retry_after } as const;
    this.chat.messages = [...this.chat.messages.slice(0, -1), { ...last, metadata }];
  }

  /** Nothing was accepted: the message goes back to where it was written. */
  #takeBack(error: unknown): void {
    this.chat.messages = this.chat.messages.filter(({ id }) => id !== this.#unsent?.id);
    this.#set({ problem: error });
    this.chat.clearError();
  }

  /** The sending was broken off before its answer began: only the server knows whether it arrived. */
  async #settleUnsent(): Promise<void> {
    try {
      this.#takePage(await this.#parts.page(null));
      this.#set({ arrived: null });
    } catch (error) {
      this.#takeBack(error);
    }
  }

  /** The connection was lost in mid-reply; the reply was not. Tries until it is found again. */
  async #reconnect(): Promise<void> {
    this.#set({ reconnecting: true });
    for (let attempt = 0; !this.#closed && isPending(this.chat.lastMessage); attempt++) {
      await this.#parts.wait(backoff(attempt));
      try {
        await this.#joinOnce();
      } catch (error) {
        if (isPassing(error)) continue;
        this.#set({ problem: error });
        break;
      }
    }
  }

  async #joinOnce(): Promise<void> {
    this.#takePage(await this.#parts.page(null));
    if (this.chat.lastMessage?.metadata?.status !== "streaming") return;
    this.#reported = null;
    await this.chat.resumeStream();
    if (this.#reported !== null) this.#markFailed(this.#reported, this.chat.error);
  }

  #whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#state.running) return;
        stop();
        resolve();
      };
      const stop = this.subscribe(look);
      look();
    });
  }

  #setCursor(next: number | null): void {
    this.#cursor = next;
    this.#set({ older: next === null ? "none" : "there" });
  }

  #set(change: Partial<ConversationState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** Whether nothing was begun: the server said no, or was not reached before its answer began. */
function isRefusal(error: Error | undefined, last: ChatMessage | undefined): boolean {
  if (error === undefined) return false;
  if (last?.role === "user") return true;
  return !isPending(last) || !isPassing(error);
}

/** Whether another reply is what stands against a new one; it can be joined. */
function isInTheWay(problem: unknown): boolean {
  return problem instanceof ApiError && problem.code === "reply_in_progress";
}

/** Whether waiting can help: the network or the server is away for a moment. */
function isPassing(error: unknown): boolean {
  return !(error instanceof SignedOut) && !(error instanceof ApiError && error.status < 500 && error.status !== 429);
}
