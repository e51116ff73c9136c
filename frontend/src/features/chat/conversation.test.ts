import type { ChatTransport, UIMessageChunk } from "ai";
import { describe, expect, it } from "vitest";
import { ApiError, NetworkError } from "@/lib/api/errors";
import { Conversation } from "./conversation";
import { type ChatMessage, textOf, userMessage } from "./messages";

type Chunk = UIMessageChunk;
type Script = (Chunk | Error)[] | Error | null;

const START: Chunk[] = [
  { type: "start", messageId: "reply" },
  { type: "text-start", id: "text" },
];
const SECOND_START: Chunk[] = [{ type: "start", messageId: "reply-2" }, ...START.slice(1)];
const say = (delta: string): Chunk => ({ type: "text-delta", id: "text", delta });
const END: Chunk[] = [
  { type: "text-end", id: "text" },
  { type: "finish", messageMetadata: { status: "complete" } },
];
const stored = (text: string, status: "streaming" | "complete"): ChatMessage => ({
  id: "reply",
  role: "assistant",
  parts: [{ type: "text", text }],
  metadata: { status },
});

function streamOf(chunks: (Chunk | Error)[]): ReadableStream<Chunk> {
  const left = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const chunk = left.shift();
      if (chunk === undefined) controller.close();
      else if (chunk instanceof Error) controller.error(chunk);
      else controller.enqueue(chunk);
    },
  });
}

/** A server that does what it is told: each call takes the next script. */
function server(scripts: {
  send?: Script[];
  join?: Script[];
  pages?: (ChatMessage[] | Error)[];
  wait?: () => Promise<void>;
}) {
  const calls = { joins: 0, stops: 0 };
  const sent: { trigger: string; id: string | undefined; text: string }[] = [];
  const play = (script: Script | undefined) => {
    if (script instanceof Error) throw script;
    return script ? streamOf(script) : null;
  };
  const transport: ChatTransport<ChatMessage> = {
    sendMessages: async ({ messages, trigger }) => {
      const last = messages.at(-1);
      sent.push({ trigger, id: last?.id, text: last ? textOf(last) : "" });
      return play(scripts.send?.shift()) ?? streamOf([]);
    },
    reconnectToStream: async () => {
      calls.joins += 1;
      return play(scripts.join?.shift());
    },
    resumeStreamIsReplay: true,
  };
  let ids = 0;
  const conversation = new Conversation({
    id: "chat",
    transport,
    page: async () => {
      const page = scripts.pages?.shift() ?? [];
      if (page instanceof Error) throw page;
      return { messages: page, next: null };
    },
    stopReply: async () => {
      calls.stops += 1;
    },
    wait: scripts.wait ?? (async () => undefined),
    newId: () => `id-${++ids}`,
  });
  return { conversation, sent, calls };
}

const shown = ({ chat }: Conversation) => chat.messages.map((message) => `${message.role}: ${textOf(message)}`);

describe("a conversation", () => {
  it("shows a message and its reply, under the ids that both sides know", async () => {
    const { conversation, sent } = server({ send: [[...START, say("Hi "), say("there"), ...END]] });
    await conversation.load();
    expect(await conversation.send("Hello")).toBe(true);
    expect(shown(conversation)).toEqual(["user: Hello", "assistant: Hi there"]);
    expect(sent).toEqual([{ trigger: "submit-message", id: "id-1", text: "Hello" }]);
    expect(conversation.chat.messages.map(({ id }) => id)).toEqual(["id-1", "reply"]);
  });

  it("takes a refused message back and says why", async () => {
    const { conversation } = server({ send: [new ApiError(429, "too_many_requests", "Too often.", 7)] });
    await conversation.load();
    expect(await conversation.send("Hello")).toBe(false);
    expect(shown(conversation)).toEqual([]);
    expect(conversation.state.problem).toMatchObject({ code: "too_many_requests", retryAfter: 7 });
  });

  it("takes a message back that is refused after others were answered", async () => {
    const refusal = new ApiError(429, "too_many_requests", "Too often.", 7);
    const { conversation } = server({ send: [[...START, say("Hi"), ...END], refusal] });
    await conversation.load();
    expect(await conversation.send("One")).toBe(true);
    expect(await conversation.send("Two")).toBe(false);
    expect(shown(conversation)).toEqual(["user: One", "assistant: Hi"]);
  });

  it("sends again under the same key what may have arrived, and under a new one what is new", async () => {
    const away = () => new NetworkError("away");
    const { conversation, sent } = server({ send: [away(), away(), [...START, say("Hi"), ...END]] });
    await conversation.load();
    expect(await conversation.send("Hello")).toBe(false);
    expect(await conversation.send("Hello")).toBe(false);
    expect(await conversation.send("Other")).toBe(true);
    expect(sent.map(({ id }) => id)).toEqual(["id-1", "id-1", "id-2"]);
  });

  it("says in the reply's place that the model failed, and has it answered again", async () => {
    const failed: Chunk[] = [
      ...START,
      { type: "data-error", data: { code: "busy", retryable: true, retry_after: 9 }, transient: true },
      { type: "error", errorText: "The model is busy." },
    ];
    const { conversation, sent } = server({ send: [failed, [...START, say("Now"), ...END]] });
    await conversation.load();
    expect(await conversation.send("Hello")).toBe(true);
    expect(conversation.chat.lastMessage?.metadata).toMatchObject({
      status: "error",
      error_code: "busy",
      retry_after: 9,
    });
    await conversation.regenerate();
    expect(shown(conversation)).toEqual(["user: Hello", "assistant: Now"]);
    expect(sent[1]?.trigger).toBe("regenerate-message");
  });

  it("puts the former answer back when another one is refused", async () => {
    const busy = new ApiError(503, "overloaded", "Too much.");
    const { conversation } = server({ send: [busy], pages: [[userMessage("1", "a"), stored("old", "complete")]] });
    await conversation.load();
    await conversation.regenerate();
    expect(shown(conversation)).toEqual(["user: a", "assistant: old"]);
    expect(conversation.state.problem).toBe(busy);
  });

  it("joins a reply that runs when it is opened", async () => {
    const pages = [[userMessage("1", "a"), stored("Hi", "streaming")]];
    const { conversation } = server({ pages, join: [[...START, say("Hi there"), ...END]] });
    await conversation.load();
    expect(shown(conversation)).toEqual(["user: a", "assistant: Hi there"]);
    expect(conversation.state.running).toBe(false);
  });

  it.each([
    ["breaks off", [...START, say("Hi"), new TypeError("network error")]],
    ["ends without an end", [...START, say("Hi")]],
  ])("finds the reply again when the connection %s", async (_name, cut) => {
    const question = userMessage("id-1", "Hello");
    const { conversation } = server({
      send: [cut],
      pages: [[], new NetworkError("away"), [question, stored("Hi th", "streaming")]],
      join: [[...START, say("Hi there"), ...END]],
    });
    await conversation.load();
    expect(await conversation.send("Hello")).toBe(true);
    expect(shown(conversation)).toEqual(["user: Hello", "assistant: Hi there"]);
    expect(conversation.state.reconnecting).toBe(false);
  });

  it("takes the stored reply when it ended while the connection was lost", async () => {
    const pages = [[], [userMessage("id-1", "Hello"), stored("Hi there", "complete")]];
    const { conversation } = server({ send: [[...START, say("Hi"), new TypeError("network error")]], pages });
    await conversation.load();
    await conversation.send("Hello");
    expect(shown(conversation)).toEqual(["user: Hello", "assistant: Hi there"]);
  });

  it("gives up looking for a reply in a chat that was deleted meanwhile", async () => {
    const { conversation } = server({ send: [[...START, say("Hi")]], pages: [[], []] });
    await conversation.load();
    await conversation.send("Hello");
    expect(shown(conversation)).toEqual([]);
    expect(conversation.state.reconnecting).toBe(false);
  });

  it("says that the history could not be read, and reads it again", async () => {
    const { conversation } = server({ pages: [new NetworkError("away"), [userMessage("1", "a")]] });
    await conversation.load();
    expect(conversation.state.loading).toBe("failed");
    await conversation.sync();
    expect(conversation.state.loading).toBe("ready");
    expect(shown(conversation)).toEqual(["user: a"]);
  });

  it("joins a running reply once, however many look for it", async () => {
    const running = [userMessage("1", "a"), stored("Hi", "streaming")];
    const ended = [userMessage("1", "a"), stored("Hi there", "complete")];
    const another = [...ended, userMessage("2", "b"), { ...stored("Y", "streaming"), id: "reply-2" }];
    const { conversation, calls } = server({
      pages: [running, another, another],
      join: [
        [...START, say("Hi there"), ...END],
        [...SECOND_START, say("Yes"), ...END],
      ],
    });
    await Promise.all([conversation.load(), conversation.load(), conversation.sync()]);
    expect(calls.joins).toBe(1);
    await Promise.all([conversation.sync(), conversation.sync(), conversation.sync()]);
    expect(calls.joins).toBe(2);
  });

  it("waits for the history before it sends, and loses neither", async () => {
    const { conversation } = server({
      pages: [[userMessage("1", "a"), { ...stored("old", "complete"), id: "2" }]],
      send: [[...START, say("new"), ...END]],
    });
    const loading = conversation.load();
    expect(await conversation.send("b")).toBe(true);
    await loading;
    expect(shown(conversation)).toEqual(["user: a", "assistant: old", "user: b", "assistant: new"]);
  });

  it("says that a message arrived which seemed lost, and sends the same words as a new one", async () => {
    const { conversation, sent } = server({
      pages: [[], [userMessage("id-1", "yes"), stored("Fine", "complete")]],
      send: [new NetworkError("away"), [...SECOND_START, ...END]],
    });
    await conversation.load();
    expect(await conversation.send("yes")).toBe(false);
    await conversation.sync();
    expect(conversation.state).toMatchObject({ arrived: "yes", problem: null });
    expect(await conversation.send("yes")).toBe(true);
    expect(sent.map(({ id }) => id)).toEqual(["id-1", "id-2"]);
  });

  it("stops nothing that was begun after what it was to stop", async () => {
    const { conversation, calls } = server({
      wait: () => new Promise(() => undefined),
      send: [
        [...START, say("Hi"), ...END],
        [...SECOND_START, say("Yes"), ...END],
      ],
    });
    await conversation.load();
    const first = conversation.send("One");
    const stopping = conversation.stop();
    await first;
    const second = conversation.send("Two");
    await Promise.all([stopping, second]);
    expect(calls.stops).toBe(1);
    expect(shown(conversation)).toContain("user: Two");
  });

  it("keeps what was written as sent when it is closed in mid-reply", async () => {
    const { conversation } = server({ send: [[...START, say("Hi"), ...END]] });
    await conversation.load();
    const sending = conversation.send("One");
    conversation.close();
    expect(await sending).toBe(true);
  });

  it("sends nothing while a reply runs", async () => {
    const { conversation, sent } = server({ send: [[...START, say("Hi"), ...END]] });
    await conversation.load();
    const [first, second] = await Promise.all([conversation.send("One"), conversation.send("Two")]);
    expect([first, second]).toEqual([true, false]);
    expect(sent.map(({ text }) => text)).toEqual(["One"]);
  });
});
