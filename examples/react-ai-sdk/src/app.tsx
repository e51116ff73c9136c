import type { UIMessage } from "ai";
import { type FormEvent, useState } from "react";
import { Chat } from "./chat";
import { history, type Login, signIn } from "./safycore";

const SESSION = "chat";

/** Signed in, with what was said before. The login lives in memory: a reload asks again. */
interface Opened {
  login: Login;
  earlier: UIMessage[];
}

export function App() {
  const [opened, setOpened] = useState<Opened>();
  const [problem, setProblem] = useState("");

  async function open(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      const login = await signIn(String(form.get("email")), String(form.get("password")));
      setOpened({ login, earlier: await history(login, SESSION) });
    } catch (error) {
      setProblem((error as Error).message);
    }
  }

  if (opened) return <Chat login={opened.login} id={SESSION} earlier={opened.earlier} />;
  return (
    <form onSubmit={open}>
      <label>
        E-mail address <input name="email" type="email" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit">Sign in</button>
      <p role="alert">{problem}</p>
    </form>
  );
}
