import { account } from "./account";
import { chat } from "./chat";
import { common } from "./common";
import { markdown } from "./markdown";
import { problem } from "./problem";
import { sessions } from "./sessions";
import { training } from "./training";

export const en = { account, chat, common, markdown, problem, sessions, training };
