const KEY = "safycore.new-chat";

/** The id of the chat that has not begun; a reload keeps it, and what it was given. */
export function newChat(): string {
  const id = sessionStorage.getItem(KEY) ?? crypto.randomUUID();
  sessionStorage.setItem(KEY, id);
  return id;
}

/** The chat has begun: the next new one is another. */
export function forgetNewChat(): void {
  sessionStorage.removeItem(KEY);
}
