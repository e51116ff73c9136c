import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imageAddress, linkAddress } from "./link-policy";

const REFUSED = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\nscript:alert(1)",
  "\u0001javascript:alert(1)",
  " javascript:alert(1)",
  "javascript&colon;alert(1)",
  "data:text/html,<script>1</script>",
  "vbscript:x",
  "blob:https://example.com/1",
  "filesystem:https://example.com/1",
  "file:///etc/passwd",
  "about:blank",
  "view-source:https://example.com",
  "ftp://example.com",
  "tel:1",
  "intent://x",
  "/account",
  "//example.com",
  "#top",
  "?q",
  "",
  "https://",
  "https://bank.example@evil.example/",
  "https://user:word@evil.example/",
];

describe("the address of a link", () => {
  it.each(["https://example.com/a?b#c", "http://example.com/", "mailto:me@example.com"])("may be %s", (address) => {
    expect(linkAddress(address)).toBe(address);
  });

  it("is written as the browser reads it", () => {
    expect(linkAddress(" HTTPS://EXAMPLE.com\\a")).toBe("https://example.com/a");
  });

  it.each(REFUSED)("may not be %j", (address) => {
    expect(linkAddress(address)).toBeNull();
  });

  it("is never other than http, https or mail, whatever is written", () => {
    const schemes = fc.constantFrom("javascript", "data", "https", "http", "mailto", "vbscript", "blob");
    const noise = fc.string({
      unit: fc.constantFrom("", "\t", "\n", "\u0000", " ", ":", "/", "&#58;", "%0a", "@", "\\"),
      maxLength: 4,
    });
    const addresses = fc.oneof(
      fc.tuple(noise, schemes, noise, fc.string()).map((parts) => parts.join("")),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(addresses, (address) => {
        const found = linkAddress(address);
        expect(found === null || /^(?:https?:\/\/|mailto:)/.test(found)).toBe(true);
      }),
    );
  });
});

describe("the address of an image", () => {
  it("is on the web", () => {
    expect(imageAddress("https://example.com/i.png")).toBe("https://example.com/i.png");
    expect(imageAddress("mailto:me@example.com")).toBeNull();
    expect(imageAddress("data:image/png;base64,AA==")).toBeNull();
  });
});
