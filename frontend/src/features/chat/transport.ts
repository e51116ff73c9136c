import { DefaultChatTransport } from "ai";
import { errorFrom } from "@/lib/api/errors";
import { type ChatMessage, textOf } from "./messages";

interface TransportParts {
  readonly apiUrl: string;
  /** `fetch` as the signed-in person. */
  readonly fetch: typeof fetch;
  readonly model: () => string | undefined;
}

const EVENTS = { Accept: "text/event-stream" };

/** The address of a conversation's own calls. */
export function conversationUrl(apiUrl: string, sessionId: string, call: "regenerate" | "stream" | "stop"): string {
  return `${apiUrl}/api/chat/conversation/${encodeURIComponent(sessionId)}/${call}/`;
}

/**
 * Speaks to SafyCore in the AI SDK's UI message stream. Only the last message is sent: the server has the others.
 * Its id goes along as the key under which a second sending makes no second turn. Refusals are ApiErrors.
 */
export function createTransport({ apiUrl, fetch, model }: TransportParts): DefaultChatTransport<ChatMessage> {
  return new DefaultChatTransport<ChatMessage>({
    fetch: accepted(fetch),
    prepareSendMessagesRequest: ({ id, messages, trigger }) => {
      const chosen = model();
      const choice = chosen === undefined ? {} : { model: chosen };
      return trigger === "regenerate-message"
        ? { api: conversationUrl(apiUrl, id, "regenerate"), headers: EVENTS, body: choice }
        : {
            api: `${apiUrl}/api/chat/stream/`,
            headers: EVENTS,
            body: { ...choice, ...lastOf(messages), session_id: id },
          };
    },
    prepareReconnectToStreamRequest: ({ id }) => ({ api: conversationUrl(apiUrl, id, "stream"), headers: EVENTS }),
  });
}

function lastOf(messages: readonly ChatMessage[]): { message: string; client_message_id: string } {
  const last = messages.at(-1);
  if (last === undefined) throw new Error("There is no message to send.");
  return { message: textOf(last), client_message_id: last.id };
}

/** `fetch` that throws an ApiError for a refusal, before the SDK makes an error of its own from it. */
function accepted(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await send(input, init);
    if (!response.ok) throw errorFrom(response, await response.json().catch(() => null));
    return response;
  };
}
