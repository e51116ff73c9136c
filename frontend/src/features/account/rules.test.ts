import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ApiError } from "@/lib/api/errors";
import {
  checked,
  EMAIL,
  failureOf,
  NEW_PASSWORD,
  newPasswordProblem,
  OTHER_PASSWORD,
  PRESENT_PASSWORD,
  typedAddress,
} from "./rules";

const SIGN_UP = { email: EMAIL, password: NEW_PASSWORD };

describe("a new password", () => {
  test.each([
    ["", "new_password_missing"],
    ["1234567", "password_short"],
    ["12345678", null],
    ["        ", null],
    ["🍞🥐🥖🥨", "password_short"],
    ["🍞🥐🥖🥨🍞🥐🥖🥨", null],
    ["a".repeat(72), null],
    ["a".repeat(73), "password_long"],
    ["ä".repeat(36), null],
    ["ä".repeat(37), "password_long"],
    ["🍞".repeat(19), "password_long"],
  ])("%j: %s", (password, problem) => {
    expect(newPasswordProblem(password)).toBe(problem);
  });

  test("has 8 characters or more and at most 72 bytes, whatever they are", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (password) => {
        const isGood = Array.from(password).length >= 8 && new Blob([password]).size <= 72;
        expect(newPasswordProblem(password) === null).toBe(isGood);
      }),
    ));

  test("is not the present one", () => {
    const values = { current_password: "correct horse", new_password: "correct horse" };
    const rules = { current_password: PRESENT_PASSWORD, new_password: OTHER_PASSWORD };
    expect(checked(rules, values)).toEqual({ new_password: "password_same" });
    expect(checked(rules, { ...values, new_password: "battery staple" })).toBeNull();
  });
});

test("a present password of any length can be tried", () => {
  expect(PRESENT_PASSWORD.check("x", {})).toBeNull();
  expect(PRESENT_PASSWORD.check("", {})).toBe("password_missing");
});

test.each([
  ["alice@example.com", null],
  ["alice@localhost", null],
  ["", "email_missing"],
  ["alice", "email_invalid"],
  ["alice@", "email_invalid"],
  ["alice @example.com", "email_invalid"],
])("the address %j: %s", (email, problem) => {
  expect(EMAIL.check(email, {})).toBe(problem);
});

test("a typed address confirms in any letters, and no other address does", () => {
  const { check } = typedAddress("Alice@Example.com");
  expect(check(" alice@example.COM ", {})).toBeNull();
  expect(check("alice@example.co", {})).toBe("email_differs");
  expect(check("", {})).toBe("email_differs");
});

test("all wrong fields are named, and none when all are good", () => {
  expect(checked(SIGN_UP, { email: "", password: "short" })).toEqual({
    email: "email_missing",
    password: "password_short",
  });
  expect(checked(SIGN_UP, { email: "alice@example.com", password: "long enough" })).toBeNull();
});

describe("a refusal of the server", () => {
  const refusal = (fields: Record<string, string[]>) => new ApiError(400, "invalid_input", "No.", null, fields);

  test("stands at the fields that it names", () => {
    const failure = failureOf(SIGN_UP, refusal({ email: ["Enter a valid email address."] }));
    expect(failure).toEqual({ fields: { email: "email_invalid" }, error: null });
  });

  test("concerns the form when it names none of its fields", () => {
    const error = refusal({ body: ["This is not an object."] });
    expect(failureOf(SIGN_UP, error)).toEqual({ fields: {}, error });
  });

  test("concerns the form when it is about no field at all", () => {
    const error = new ApiError(403, "signup_closed", "No.");
    expect(failureOf(SIGN_UP, error)).toEqual({ fields: {}, error });
  });
});
