import { describe, expect, it } from "vitest";
import {
  type ChatMessage,
  fromStored,
  isPending,
  merged,
  type ReplyStatus,
  type StoredMessage,
  turnsOf,
  userMessage,
} from "./messages";

function reply(id: string, text: string, status?: ReplyStatus): ChatMessage {
  return { id, role: "assistant", parts: [{ type: "text", text }], metadata: status ? { status } : {} };
}

function stored(change: Partial<StoredMessage>): StoredMessage {
  return {
    id: "row",
    user_id: "u",
    session_id: "s",
    role: "user",
    content: "Hello",
    status: "sent",
    created_at: "2026-11-22T10:00:00Z",
    reply_to: null,
    client_message_id: null,
    model: null,
    finish_reason: null,
    error_code: null,
    superseded: false,
    ...change,
  };
}

describe("a stored message", () => {
  it("keeps the id that the page gave it", () => {
    expect(fromStored(stored({ client_message_id: "mine" })).id).toBe("mine");
    expect(fromStored(stored({})).id).toBe("row");
  });

  it("tells how its reply ended", () => {
    const row = stored({ role: "assistant", status: "error", error_code: "busy" });
    expect(fromStored(row).metadata).toEqual({ status: "error", error_code: "busy" });
  });
});

describe("merging the newest page", () => {
  const [question, answer] = [userMessage("1", "a"), reply("2", "b", "complete")];

  it("keeps older messages that the page does not reach", () => {
    const page = [reply("2", "b", "complete"), userMessage("3", "c")];
    expect(merged([question, answer], page).map(({ id }) => id)).toEqual(["1", "2", "3"]);
  });

  it("keeps the very objects of what has not changed", () => {
    const result = merged([question, answer], [userMessage("1", "a"), reply("2", "b", "complete")]);
    expect(result[0]).toBe(question);
    expect(result[1]).toBe(answer);
  });

  it("takes from the page what was regenerated, finished or cleared elsewhere", () => {
    expect(merged([question, answer], [question, reply("4", "d", "complete")]).map(({ id }) => id)).toEqual(["1", "4"]);
    expect(merged([question, reply("2", "b")], [question, answer])[1]).toBe(answer);
    expect(merged([question, answer], [])).toEqual([]);
  });
});

describe("turns", () => {
  it("are a message with its replies", () => {
    const turns = turnsOf([reply("0", "x"), userMessage("1", "a"), reply("2", "b"), userMessage("3", "c")]);
    expect(turns.map(({ messages }) => messages.map(({ id }) => id))).toEqual([["0"], ["1", "2"], ["3"]]);
  });
});

describe("a pending message", () => {
  it("is a reply whose end has not been seen", () => {
    expect(isPending(reply("1", ""))).toBe(true);
    expect(isPending(reply("1", "", "streaming"))).toBe(true);
    expect(isPending(reply("1", "", "stopped"))).toBe(false);
    expect(isPending(userMessage("1", "a"))).toBe(false);
    expect(isPending(undefined)).toBe(false);
  });
});
