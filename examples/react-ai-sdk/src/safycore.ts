import { DefaultChatTransport, type UIMessage } from "ai";

export const API: string = import.meta.env.VITE_API_URL ?? "http://127.0.0.1:8000";

// --8<-- [start:login]
export interface Login {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

export const signIn = (email: string, password: string) => post<Login>("/api/auth/login/", { email, password });

/** Each refresh token works once: keep the pair that comes back. Call it before `expires_in` seconds are over. */
export const renew = (login: Login) => post<Login>("/api/auth/refresh/", { refresh_token: login.refresh_token });

async function post<Answer>(path: string, body: object): Promise<Answer> {
  const response = await fetch(`${API}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answered<Answer>(response);
}

/** Errors are always `{error, code, request_id}`; `error` is a sentence for a person. */
async function answered<Answer>(response: Response): Promise<Answer> {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}
// --8<-- [end:login]

// --8<-- [start:transport]
/** The AI SDK's own transport. Only the newest message travels: the server has the others. */
export function transport(login: () => Login) {
  return new DefaultChatTransport<UIMessage>({
    api: `${API}/api/chat/stream/`,
    headers: () => ({ Authorization: `Bearer ${login().access_token}`, Accept: "text/event-stream" }),
    prepareSendMessagesRequest: ({ id, messages, trigger, headers }) => {
      if (trigger === "regenerate-message") return { api: conversation(id, "regenerate"), headers, body: {} };
      const last = messages.at(-1);
      // The same key again, after a lost connection, makes no second turn.
      return { headers, body: { session_id: id, message: textOf(last), client_message_id: last?.id } };
    },
    // After a reload: the running reply from its start, or nothing where none runs.
    prepareReconnectToStreamRequest: ({ id, headers }) => ({ api: conversation(id, "stream"), headers }),
  });
}

/** Leaving does not end a reply, so stopping is a call of its own. */
export async function stopReply(login: Login, id: string): Promise<void> {
  await fetch(conversation(id, "stop"), {
    method: "POST",
    headers: { Authorization: `Bearer ${login.access_token}` },
  });
}
// --8<-- [end:transport]

// --8<-- [start:history]
interface Row {
  id: string;
  role: "user" | "assistant";
  content: string;
  status: string;
  client_message_id: string | null;
}

/** What was said before. A reply that still runs is left out: the reconnected stream brings it. */
export async function history(login: Login, id: string): Promise<UIMessage[]> {
  const response = await fetch(conversation(id), { headers: { Authorization: `Bearer ${login.access_token}` } });
  const { messages } = await answered<{ messages: Row[] }>(response);
  return messages
    .filter((row) => row.status !== "streaming")
    .map((row) => ({
      id: row.client_message_id ?? row.id,
      role: row.role,
      parts: [{ type: "text", text: row.content }],
    }));
}
// --8<-- [end:history]

export function textOf(message: UIMessage | undefined): string {
  return message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
}

function conversation(id: string, call = ""): string {
  return `${API}/api/chat/conversation/${encodeURIComponent(id)}/${call && `${call}/`}`;
}
