const PREFIX = "safycore.draft.";

/** What a person has begun to write, per chat; it survives a reload and a login that ended. */
export interface Drafts {
  read(chat: string): string;
  write(chat: string, text: string): void;
}

export function draftsOf(personId: string, storage: Storage = localStorage): Drafts {
  const key = (chat: string) => `${PREFIX}${personId}.${chat}`;
  return {
    read: (chat) => storage.getItem(key(chat)) ?? "",
    write: (chat, text) => {
      if (text === "") storage.removeItem(key(chat));
      else keep(storage, key(chat), text);
    },
  };
}

/** Whoever signs out leaves nothing behind for the next person at this machine. */
export function forgetDrafts(personId: string, storage: Storage = localStorage): void {
  removeWhere(storage, (key) => key.startsWith(`${PREFIX}${personId}.`));
}

/** Nor does whoever's login ended, once somebody else signs in. */
export function forgetOthersDrafts(personId: string, storage: Storage = localStorage): void {
  removeWhere(storage, (key) => !key.startsWith(`${PREFIX}${personId}.`));
}

function removeWhere(storage: Storage, isMeant: (key: string) => boolean): void {
  const drafts = Object.keys(storage).filter((key) => key.startsWith(PREFIX));
  for (const key of drafts.filter(isMeant)) storage.removeItem(key);
}

function keep(storage: Storage, key: string, text: string): void {
  try {
    storage.setItem(key, text);
  } catch {
    // The storage is full: the draft lives in the page alone then.
  }
}
