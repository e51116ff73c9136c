import { ApiError } from "@/lib/api/errors";
import type { en } from "@/lib/i18n/en/index";

/** What can be wrong with a field; the sentences are the texts `account.wrong`. */
export type FieldProblem = keyof typeof en.account.wrong;

export interface Rule {
  /** What is wrong with a value before it is sent. */
  readonly check: (value: string, all: Readonly<Record<string, string>>) => FieldProblem | null;
  /** What it means when the server refuses a value that was good enough for us. */
  readonly refused: FieldProblem;
}

export type Rules<Field extends string> = Readonly<Record<Field, Rule>>;
export type FieldProblems<Field extends string> = Partial<Record<Field, FieldProblem>>;

/** Why a form could not be sent: by field, or an error that concerns none of them. */
export interface Failure<Field extends string> {
  readonly fields: FieldProblems<Field>;
  readonly error: unknown;
}

const MIN_PASSWORD_CHARACTERS = 8;
// What the server's hash reads; see docs/api.md.
const MAX_PASSWORD_BYTES = 72;

export const EMAIL: Rule = { check: emailProblem, refused: "email_invalid" };
export const PRESENT_PASSWORD: Rule = {
  check: (value) => (value === "" ? "password_missing" : null),
  refused: "password_wrong",
};
export const NEW_PASSWORD: Rule = { check: newPasswordProblem, refused: "password_refused" };

/** A new password beside the present one, which it must not be. */
export const OTHER_PASSWORD: Rule = {
  ...NEW_PASSWORD,
  check: (value, all) => newPasswordProblem(value) ?? (value === all["current_password"] ? "password_same" : null),
};

/** The address that has to be typed to confirm what cannot be undone; capital letters make no difference. */
export function typedAddress(email: string): Rule {
  const wanted = email.toLowerCase();
  return {
    check: (value) => (value.trim().toLowerCase() === wanted ? null : "email_differs"),
    refused: "email_differs",
  };
}

function emailProblem(value: string): FieldProblem | null {
  if (value === "") return "email_missing";
  return /^\S+@\S+$/.test(value) ? null : "email_invalid";
}

/** As the server counts: characters, not UTF-16 units; bytes of UTF-8. */
export function newPasswordProblem(value: string): FieldProblem | null {
  if (value === "") return "new_password_missing";
  if ([...value].length < MIN_PASSWORD_CHARACTERS) return "password_short";
  return new TextEncoder().encode(value).length > MAX_PASSWORD_BYTES ? "password_long" : null;
}

/** The fields that cannot be sent like this; null when all can. */
export function checked<Field extends string>(
  rules: Rules<Field>,
  values: Readonly<Record<Field, string>>,
): FieldProblems<Field> | null {
  const problems: FieldProblems<Field> = {};
  for (const name of namesOf(rules)) {
    const problem = rules[name].check(values[name], values);
    if (problem !== null) problems[name] = problem;
  }
  return noneIfEmpty(problems);
}

/** What an error of the API says about a form: of its fields when it names any of them. */
export function failureOf<Field extends string>(rules: Rules<Field>, error: unknown): Failure<Field> {
  const refused: FieldProblems<Field> = {};
  const named = error instanceof ApiError ? error.fields : {};
  for (const name of namesOf(rules)) {
    if (Object.hasOwn(named, name)) refused[name] = rules[name].refused;
  }
  const fields = noneIfEmpty(refused);
  return fields === null ? { fields: {}, error } : { fields, error: null };
}

export function namesOf<Field extends string>(rules: Rules<Field>): Field[] {
  return Object.keys(rules) as Field[];
}

function noneIfEmpty<Field extends string>(problems: FieldProblems<Field>): FieldProblems<Field> | null {
  return Object.keys(problems).length === 0 ? null : problems;
}
