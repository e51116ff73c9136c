import { describe, expect, it } from "vitest";
import { de } from "./de";
import { en } from "./en";
import { preferredLanguage } from "./index";

/** Every text under its path, such as `chat.send`. */
function textsOf(value: object, path = ""): [path: string, text: string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, string][] =>
    typeof inner === "string" ? [[`${path}${key}`, inner]] : textsOf(inner as object, `${path}${key}.`),
  );
}

const keysOf = (texts: object) =>
  textsOf(texts)
    .map(([path]) => path)
    .sort();
const placesOf = (texts: object) =>
  textsOf(texts)
    .map(([path, text]) => [path, text.match(/\{\{\w+\}\}/g)?.sort()])
    .sort();

describe("texts", () => {
  it("are there in both languages", () => {
    expect(keysOf(de)).toEqual(keysOf(en));
  });

  it("have the same places to fill in", () => {
    expect(placesOf(de)).toEqual(placesOf(en));
  });
});

describe("the language", () => {
  it.each([
    [null, ["fr-FR", "de-CH"], "de"],
    [null, ["fr"], "en"],
    ["en", ["de"], "en"],
    ["xx", ["de"], "de"],
    ["toString", [], "en"],
  ])("for a choice of %j and wishes of %j is %s", (chosen, wanted, language) => {
    expect(preferredLanguage(chosen, wanted)).toBe(language);
  });
});
