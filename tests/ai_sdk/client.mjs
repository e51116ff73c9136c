// The AI SDK's own transport and reader, unchanged, against our API: `node client.mjs send|resume`, told by environment.
// Prints a line when the stream is open, then one of JSON: the message as the SDK has put it together, or null where
// nothing runs.
import { DefaultChatTransport, readUIMessageStream } from "ai";

const { SAFYCORE, TOKEN, CHAT, TEXT } = process.env;
const transport = new DefaultChatTransport({
  api: `${SAFYCORE}/api/chat/stream/`,
  headers: { Authorization: `Bearer ${TOKEN}`, Accept: "text/event-stream" },
  prepareSendMessagesRequest: ({ id, messages }) => {
    const last = messages.at(-1);
    return { body: { message: last.parts[0].text, session_id: id, client_message_id: last.id } };
  },
  prepareReconnectToStreamRequest: ({ id }) => ({ api: `${SAFYCORE}/api/chat/conversation/${id}/stream/` }),
});
const sent = { id: crypto.randomUUID(), role: "user", parts: [{ type: "text", text: TEXT }] };
const stream =
  process.argv[2] === "resume"
    ? await transport.reconnectToStream({ chatId: CHAT })
    : await transport.sendMessages({ trigger: "submit-message", chatId: CHAT, messages: [sent] });
console.log(stream ? "open" : "nothing runs");

let message = null;
const errors = [];
if (stream) {
  for await (const part of readUIMessageStream({ stream, onError: (error) => errors.push(String(error)) })) {
    message = part;
  }
}
console.log(JSON.stringify({ message, errors }));
