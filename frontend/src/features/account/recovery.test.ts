import { expect, test } from "vitest";
import { ApiError } from "@/lib/api/errors";
import { recoveryAfter, recoveryOf } from "./recovery";

const PAGE = "https://chat.example.com/reset-password";

test.each([
  ["the link of the embedded default", "?token_hash=abc-_1&type=recovery", { token_hash: "abc-_1" }],
  ["a template without a type", "?token_hash=abc", { token_hash: "abc" }],
  [
    "the session of a hosted project",
    "#access_token=ey.J.x&expires_in=3600&refresh_token=r&token_type=bearer&type=recovery",
    { access_token: "ey.J.x" },
  ],
  ["no link", "", null],
  ["an empty token", "?token_hash=&type=recovery", null],
  ["a link for something else", "?token_hash=abc&type=signup", null],
  ["a session for something else", "#access_token=abc&type=magiclink", null],
  ["the refusal of a hosted project", "#error=access_denied&error_code=otp_expired", null],
  ["a token at the wrong place", "#token_hash=abc&type=recovery", null],
])("%s", (_name, parameters, recovery) => {
  expect(recoveryOf(PAGE + parameters)).toEqual(recovery);
});

const LINK = { token_hash: "abc" };

test.each([
  [
    "a refusal with a recovery token",
    new ApiError(400, "invalid_input", "No.", null, {}, "next"),
    { recovery_token: "next" },
  ],
  ["a refusal without one", new ApiError(400, "invalid_input", "No."), LINK],
  ["no answer", new TypeError("Failed to fetch"), LINK],
])("after %s", (_name, failure, recovery) => {
  expect(recoveryAfter(failure, LINK)).toEqual(recovery);
});
