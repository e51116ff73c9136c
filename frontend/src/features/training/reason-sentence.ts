import type { TFunction } from "i18next";
import { ApiError } from "@/lib/api/errors";
import { sentenceOf } from "@/lib/i18n/problems";
import type { Reason } from "./adding";

/** Why something was not added, in the reader's language. */
export function reasonSentence(reason: Reason, t: TFunction): string {
  if ("problem" in reason) return t(`training.problem.${reason.problem}`);
  return isTooLong(reason.error) ? t("training.problem.too_large") : sentenceOf(reason.error, t);
}

/** Whether adding the same once more can help. */
export function canRetry(reason: Reason): boolean {
  return "error" in reason && !isTooLong(reason.error);
}

/** All else that the server could mind in a text was looked for before it was sent. */
function isTooLong(error: unknown): boolean {
  return error instanceof ApiError && error.code === "invalid_input" && "content" in error.fields;
}
