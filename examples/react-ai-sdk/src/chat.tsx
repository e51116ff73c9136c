import { useChat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import { type FormEvent, useMemo } from "react";
import { type Login, stopReply, textOf, transport } from "./safycore";

interface ChatProps {
  login: Login;
  id: string;
  earlier: UIMessage[];
}

export function Chat({ login, id, earlier }: ChatProps) {
  const way = useMemo(() => transport(() => login), [login]);
  const { messages, sendMessage, regenerate, status, error } = useChat({
    id,
    transport: way,
    messages: earlier,
    resume: true,
  });
  const running = status === "submitted" || status === "streaming";

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("message"));
    event.currentTarget.reset();
    void sendMessage({ text });
  }

  return (
    <main>
      <ol aria-label="Conversation" aria-busy={running}>
        {messages.map((message) => (
          <li key={message.id} data-role={message.role}>
            {textOf(message)}
          </li>
        ))}
      </ol>
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={send}>
        <label>
          Message <input name="message" autoComplete="off" required />
        </label>
        <button type="submit" disabled={running}>
          Send
        </button>
        <button type="button" disabled={!running} onClick={() => void stopReply(login, id)}>
          Stop
        </button>
        <button type="button" disabled={running || messages.length === 0} onClick={() => void regenerate()}>
          Answer again
        </button>
      </form>
    </main>
  );
}
