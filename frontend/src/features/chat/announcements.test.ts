import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { announcement } from "./announcements";

describe("an announcement", () => {
  it("reads whole sentences while the reply grows", () => {
    expect(announcement("It opens at 9. On Sun", 0, false)).toEqual({ text: "It opens at 9.", upTo: 14 });
    expect(announcement("It opens at 9. On Sun", 14, false).text).toBe("");
  });

  it("reads what is left when the reply has ended, without its marks", () => {
    expect(announcement("It opens. At **9** `sharp`", 9, true).text).toBe("At 9 sharp");
  });

  it("reads every letter once, in order, however the reply grows", () => {
    const word = fc.stringMatching(/^[a-z]{1,6}[.!?]?$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.array(fc.nat(40)), (words, steps) => {
        const reply = words.join(" ");
        let [upTo, length, heard] = [0, 0, ""];
        for (const step of [...steps, reply.length]) {
          length = Math.min(reply.length, length + step);
          const next = announcement(reply.slice(0, length), upTo, length === reply.length);
          [upTo, heard] = [next.upTo, heard + next.text];
        }
        expect(heard.replace(/\s/g, "")).toBe(reply.replace(/\s/g, ""));
      }),
    );
  });
});
