import { API } from "./config.js";

const SESSION = "chat";
const conversation = document.querySelector("ol");
const problem = document.querySelector("[role=alert]");
let token = "";

// --8<-- [start:call]
/** A call of the API. A refusal throws its sentence for a person. */
async function call(path, options = {}) {
  const response = await fetch(`${API}${path}`, {
    ...options,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
  });
  if (!response.ok) throw new Error((await response.json()).error);
  return response;
}

async function signIn(email, password) {
  const response = await call("/api/auth/login/", { method: "POST", body: JSON.stringify({ email, password }) });
  token = (await response.json()).access_token;
}

async function history() {
  return (await (await call(`/api/chat/conversation/${SESSION}/`)).json()).messages;
}
// --8<-- [end:call]

// --8<-- [start:stream]
/** Send a message and hand on each piece of the reply as it arrives. Throws where the reply breaks off. */
async function send(message, onPiece) {
  const body = JSON.stringify({ message, session_id: SESSION, client_message_id: crypto.randomUUID() });
  const response = await call("/api/chat/stream/", { method: "POST", body });
  for await (const piece of pieces(response.body.pipeThrough(new TextDecoderStream()))) onPiece(piece);
}

/** Not every browser can iterate a stream by itself. */
async function* pieces(stream) {
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}
// --8<-- [end:stream]

function show(role, text = "") {
  const item = document.createElement("li");
  item.dataset.role = role;
  // Text, never HTML: a reply is whatever a model wrote.
  item.textContent = text;
  conversation.append(item);
  return item;
}

function onSubmit(form, handle) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    problem.textContent = "";
    try {
      await handle(new FormData(form));
    } catch (error) {
      problem.textContent = error instanceof TypeError ? "The connection broke off. Try again." : error.message;
    } finally {
      button.disabled = false;
    }
  });
}

onSubmit(document.querySelector("#sign-in"), async (form) => {
  await signIn(form.get("email"), form.get("password"));
  for (const { role, content } of await history()) show(role, content);
  document.querySelector("#sign-in").remove();
  document.querySelector("main").hidden = false;
});

onSubmit(document.querySelector("#send"), async (form) => {
  document.querySelector("#send").reset();
  show("user", form.get("message"));
  const reply = show("assistant");
  await send(form.get("message"), (piece) => reply.append(piece));
});
