import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countCharacters, MAX_FILE_BYTES, problemOf, readText } from "./files";

function file(content: BlobPart, name = "notes.txt", type = ""): File {
  return new File([content], name, { type });
}

function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values);
}

function utf16(text: string, littleEndian: boolean): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(2 * (text.length + 1)));
  for (const [at, unit] of [0xfeff, ...text.split("").map((each) => each.charCodeAt(0))].entries()) {
    view.setUint16(2 * at, unit, littleEndian);
  }
  return view.buffer;
}

/** Texts that can be kept, from all planes of Unicode. */
const texts = fc
  .string({ unit: "binary", minLength: 1 })
  .filter((text) => problemOf(text) === null && text[0] !== "\uFEFF");

describe("a file's text", () => {
  test("is what was written as UTF-8, to the character", async () => {
    const isKept = fc.asyncProperty(texts, async (text) => {
      expect(await readText(file(text))).toEqual({ text });
    });
    await fc.assert(isKept);
  });

  test("is what was written as UTF-16 with a byte order mark", async () => {
    const isKept = fc.asyncProperty(texts, fc.boolean(), async (text, littleEndian) => {
      expect(await readText(file(utf16(text, littleEndian)))).toEqual({ text });
    });
    await fc.assert(isKept);
  });

  test("loses its byte order mark and nothing else", async () => {
    expect(await readText(file("\uFEFF one\r\n\ttwo \r\n"))).toEqual({ text: " one\r\n\ttwo \r\n" });
  });

  test.each(["data.json", "DATA.JSON"])("in %s is the JSON as it is written", async (name) => {
    const text = '{ "a" : 1.0,\r\n"a":2 }\n';
    expect(await readText(file(text, name))).toEqual({ text });
  });

  test("may be of the greatest size", async () => {
    const text = "x".repeat(MAX_FILE_BYTES);
    expect(await readText(file(text))).toEqual({ text });
  });
});

describe("a file that cannot be used", () => {
  test.each([
    ["nothing", "", "empty"],
    ["blanks only", " \r\n\t", "empty"],
    ["a byte order mark only", "\uFEFF", "empty"],
    ["Latin-1", bytes(0x53, 0x74, 0x72, 0x61, 0xdf, 0x65), "encoding"],
    ["half a character of UTF-8", bytes(0x61, 0xe2, 0x82), "encoding"],
    ["half a character of UTF-16", bytes(0xff, 0xfe, 0x3d, 0xd8), "encoding"],
    ["half of a pair in UTF-8", bytes(0xed, 0xa0, 0xbd), "encoding"],
    ["UTF-16 without a byte order mark", bytes(0x61, 0, 0x62, 0), "nul"],
    ["a NUL character", "a\0b", "nul"],
    ["a picture", bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0), "binary"],
    ["a PDF", "%PDF-1.7 plain enough", "document"],
    ["a Word document", bytes(0x50, 0x4b, 0x03, 0x04, 0x14), "document"],
    ["a rich text", "{\\rtf1\\ansi Hello}", "document"],
    ["too much", "x".repeat(MAX_FILE_BYTES + 1), "too_large"],
  ])("holds %s", async (_, content, problem) => {
    expect(await readText(file(content))).toEqual({ problem });
  });

  test.each([
    ["by its name", file("{", "data.json")],
    ["by its type", file("{", "data", "application/json")],
  ])("is JSON %s and does not parse", async (_, broken) => {
    expect(await readText(broken)).toEqual({ problem: "json" });
  });

  test("is a folder, or gone", async () => {
    const gone = file("text");
    gone.arrayBuffer = () => Promise.reject(new DOMException("gone", "NotFoundError"));
    expect(await readText(gone)).toEqual({ problem: "unreadable" });
  });

  test("is refused without an exception, whatever is in it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (content) => {
        const read = await readText(file(new Uint8Array(content)));
        expect("problem" in read || problemOf(read.text) === null).toBe(true);
      }),
    );
  });
});

describe("a pasted text", () => {
  test.each([
    ["a lone first half", "a\ud83d", "surrogate"],
    ["a lone second half", "\ude00b", "surrogate"],
    ["halves the wrong way round", "\ude00\ud83d", "surrogate"],
    ["a whole pair", "\ud83d\ude00", null],
  ])("with %s", (_, text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });
});

test("characters are counted as the server does", () => {
  const isCounted = fc.property(fc.string({ unit: "binary" }), (text) => {
    expect(countCharacters(text)).toBe([...text].length);
  });
  fc.assert(isCounted);
});
