import { beforeAll, expect, test } from "vitest";
import { chooseLanguage, startTexts } from "@/lib/i18n";
import { receiptLines } from "./receipt";

const DELETED = { users: 1, messages: 4, training_data: 1, conversation_sessions: 2, user_profiles: 1 };
const texts = startTexts();

beforeAll(async () => {
  await texts;
});

test("a receipt says in words what is gone, what matters most first", async () => {
  await chooseLanguage("en");
  const { t } = await texts;
  expect(receiptLines(DELETED, t)).toEqual(["4 messages", "2 chats", "1 training text", "1 profile", "1 account"]);
});

test("a receipt is in the reader's language", async () => {
  await chooseLanguage("de");
  const { t } = await texts;
  expect(receiptLines(DELETED, t)).toEqual(["4 Nachrichten", "2 Chats", "1 Wissenstext", "1 Profil", "1 Konto"]);
});

test("what there was none of is left out, and a table that is new to us is not", async () => {
  await chooseLanguage("en");
  const { t } = await texts;
  expect(receiptLines({ messages: 0, users: 1, pictures: 2 }, t)).toEqual(["1 account", "2 entries of pictures"]);
});
