import { expect, test } from "vitest";
import { cameWithNewPassword, cameWithReceipt } from "./arrival";

test("a receipt comes through the history as it was put there", () => {
  expect(cameWithReceipt({ deleted: { users: 1, messages: 4 } })).toEqual({ users: 1, messages: 4 });
});

test.each([[null], [undefined], ["text"], [{}], [{ deleted: null }], [{ deleted: 3 }], [{ passwordChanged: true }]])(
  "there is no receipt in %j",
  (state) => {
    expect(cameWithReceipt(state)).toBeNull();
  },
);

test("what counts no rows is no part of a receipt", () => {
  expect(cameWithReceipt({ deleted: { users: 1, messages: "<b>4</b>" } })).toEqual({ users: 1 });
});

test("a new password is told of by that alone", () => {
  expect(cameWithNewPassword({ passwordChanged: true })).toBe(true);
  expect(cameWithNewPassword({ deleted: {} })).toBe(false);
  expect(cameWithNewPassword(null)).toBe(false);
});
