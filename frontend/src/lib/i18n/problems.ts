import i18next, { type TFunction } from "i18next";
import { ApiError, NetworkError, SignedOut } from "@/lib/api/errors";

// Each with its length in seconds, the longest first.
const SECOND = ["second", 1] as const;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], SECOND] as const;

/** An error in the reader's language: by its code where we know it, else in the server's own words. */
export function sentenceOf(error: unknown, t: TFunction): string {
  if (error instanceof NetworkError) return t("problem.network");
  if (error instanceof SignedOut) return t("problem.signed_out");
  if (!(error instanceof ApiError)) return t("problem.unknown");
  const seconds = error.retryAfter ?? 0;
  const sentence = t(`problem.${error.code as "busy"}`, {
    defaultValue: error.message || t("problem.unknown"),
    seconds,
  });
  const tellsWhen = error.status === 429 || error.code === "busy";
  return error.retryAfter !== null && tellsWhen ? `${sentence} ${again(error.retryAfter, t)}` : sentence;
}

function again(seconds: number, t: TFunction): string {
  const [unit, length] = UNITS.find(([, each]) => seconds >= 1.5 * each) ?? SECOND;
  const when = new Intl.RelativeTimeFormat(i18next.language).format(Math.ceil(seconds / length), unit);
  return t("problem.again", { when });
}
