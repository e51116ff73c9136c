import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startTexts } from "@/lib/i18n";
import { Markdown } from "./index";
import { growingTexts } from "./samples";

beforeAll(async () => {
  await startTexts();
});
afterEach(cleanup);

const show = (text: string, streaming = false) => render(<Markdown text={text} streaming={streaming} />).container;
const areTheSame = (before: readonly Element[], now: readonly Element[]) =>
  before.every((element, n) => element === now[n]);

/** Shows each beginning in turn; what is left is the page after the last, with the stream ended. */
function stream(texts: readonly string[]) {
  const page = render(<Markdown text="" streaming={true} />);
  for (const text of texts) page.rerender(<Markdown text={text} streaming={true} />);
  page.rerender(<Markdown text={texts.at(-1) ?? ""} streaming={false} />);
  return page;
}

const REPLY =
  "# Title\n\nOne **two** [three].\n\n- a\n- b\n\n```js\nlet a = 1;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[three]: https://example.com/3\n\nend";
const beginningsOf = (text: string) => Array.from(text, (_, n) => text.slice(0, n + 1));

describe("a reply that grows", () => {
  it("keeps the nodes of what is finished", () => {
    const page = render(<Markdown text="" streaming={true} />);
    const box = page.container.querySelector(".markdown");
    let before: Element[] = [];
    for (const text of beginningsOf(REPLY)) {
      page.rerender(<Markdown text={text} streaming={true} />);
      const now = [...(box?.children ?? [])];
      expect(areTheSame(before.slice(0, -1), now)).toBe(true);
      before = now;
    }
    expect(before.map((element) => element.tagName)).toEqual(["H3", "P", "UL", "DIV", "DIV", "P"]);
  });

  it("is not laid out anew when it ends", () => {
    const page = render(<Markdown text={REPLY} streaming={true} />);
    const before = [...page.container.querySelectorAll("*")];
    page.rerender(<Markdown text={REPLY} streaming={false} />);
    expect(areTheSame(before, [...page.container.querySelectorAll("*")])).toBe(true);
  });

  it("ends as if it had been there at once", () => {
    fc.assert(
      fc.property(growingTexts, (texts) => {
        const [grown, whole] = [stream(texts), render(<Markdown text={texts.at(-1) ?? ""} streaming={false} />)];
        expect(grown.container.isEqualNode(whole.container), whole.container.innerHTML).toBe(true);
        cleanup();
      }),
      { numRuns: 100 },
    );
  });

  it("shows what it has begun as what it will be", () => {
    expect(show("a **bold", true).querySelector("strong")?.textContent).toBe("bold");
    expect(show("```js\nlet", true).querySelector("pre")?.textContent).toBe("let");
    expect(show("| a | b", true).querySelectorAll("th")).toHaveLength(2);
  });

  it("shows at its end what was really written", () => {
    expect(show("a **bold").textContent).toBe("a **bold");
  });
});

describe("references", () => {
  it("find a definition in another block, before and after them", () => {
    const text = "[a] and ![b]\n\n[a]: https://example.com/a 'A'\n[b]: https://example.com/b\n\n> [c][A]";
    const links = [...stream(beginningsOf(text)).container.querySelectorAll("a")];
    expect(links.map((link) => link.href)).toEqual([
      "https://example.com/a",
      "https://example.com/b",
      "https://example.com/a",
    ]);
    expect(links[0]?.title).toBe("A");
  });

  it("wait for an address to be complete", () => {
    expect(show("[a]\n\n[a]: https://exam", true).querySelector("a")).toBeNull();
    expect(show("[a]\n\n[a]: https://exam").querySelector("a")?.href).toBe("https://exam/");
  });

  it("lead to footnotes and back", () => {
    show("Words[^1] and[^long].\n\nMore.\n\n[^1]: The *first*.\n\n[^long]: The other.");
    const note = screen.getByRole("button", { name: "Footnote 1: back to the text" });
    fireEvent.click(screen.getByRole("button", { name: "Footnote 1" }));
    expect(document.activeElement).toBe(note);
    fireEvent.click(note);
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Footnote 1" }));
    expect(screen.getAllByRole("note")[0]?.textContent).toContain("The first.");
  });
});

describe("what a model wrote", () => {
  it("is never HTML, and can be read", () => {
    const box = show('<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> a <b id="root">b</b>\n\n<!-- c -->');
    expect(box.querySelectorAll("script, img, b, [id], [onerror]")).toHaveLength(0);
    expect(box.textContent).toContain("<script>alert(1)</script>");
    expect(box.textContent).toContain('<img src=x onerror=alert(1)> a <b id="root">b</b>');
  });

  it("breaks lines in tables", () => {
    expect(show("| a |\n|---|\n| 1<br>2 |").querySelectorAll("td br")).toHaveLength(1);
  });

  it("links in a tab of its own, telling nobody where from", () => {
    const link = show("[a](https://example.com)").querySelector("a");
    expect(link?.target).toBe("_blank");
    expect(link?.rel).toBe("noopener noreferrer nofollow");
  });

  it.each([
    "[a](javascript:alert(1))",
    "[a](/account)",
    "[a](data:text/html,x)",
    "<javascript:a>",
    "[a][b]\n\n[b]: vbscript:x",
  ])("does not link by %j", (text) => {
    expect(show(text).querySelector("a")).toBeNull();
    expect(document.body.textContent).toMatch(/a/);
  });

  it("names images and links to them instead of fetching them", () => {
    const box = show(
      "![A cat](https://example.com/cat.png) ![](https://example.com/x) ![d](data:image/png;base64,AA==)",
    );
    expect(box.querySelector("img")).toBeNull();
    expect([...box.querySelectorAll("a")].map((link) => link.textContent)).toEqual(["Image: A cat", "Image"]);
    expect(box.textContent).toContain("Image: d");
  });

  it("has no link within a link", () => {
    const links = show("[![badge](https://example.com/b.svg)](https://example.com)").querySelectorAll("a");
    expect([...links].map((link) => link.href)).toEqual(["https://example.com/"]);
  });

  it.each([
    ">".repeat(500),
    ">".repeat(50_000),
    `${"1. ".repeat(9_000)}x`,
    `${"*a **b ".repeat(200)}${"b** a* ".repeat(200)}`,
  ])("is readable though it is nested beyond all reason (%#)", (text) => {
    expect(show(text).textContent?.trim()).toBe(text.trim());
  });

  it("is readable though it cannot be laid out", () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    vi.spyOn(URL, "canParse").mockImplementation(() => {
      throw new RangeError("broken");
    });
    expect(show("[a](b)").textContent).toBe("[a](b)");
  });

  it("has its headings below the page's, its table heads and tasks named", () => {
    show("# One\n\n## Two\n\n| a |\n|---|\n| 1 |\n\n- [x] did\n- [ ] will");
    expect(screen.getByRole("heading", { level: 3 }).textContent).toBe("One");
    expect(screen.getByRole("heading", { level: 4 }).textContent).toBe("Two");
    expect(screen.getByRole("columnheader").getAttribute("scope")).toBe("col");
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "Done" }).disabled).toBe(true);
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "Not done" }).checked).toBe(false);
  });

  it("takes its direction from its words", () => {
    expect(show("سلام").querySelector("p")?.dir).toBe("auto");
  });
});

describe("code", () => {
  it("is coloured once its fence is closed, and stays the same text", async () => {
    const open = "```js\nconst a = 1;\n";
    const page = render(<Markdown text={open} streaming={true} />);
    page.rerender(<Markdown text={`${open}\`\`\``} streaming={true} />);
    await waitFor(() => expect(page.container.querySelector(".hljs-keyword")?.textContent).toBe("const"));
    expect(page.container.querySelector("code")?.textContent).toBe("const a = 1;");
    expect(page.container.querySelector(".code-language")?.textContent).toBe("js");
  });

  it("stays plain when it is very long or of no known language", async () => {
    await import("./highlight");
    const long = "let a;\n".repeat(10_000);
    const box = show(`\`\`\`js\n${long}\`\`\`\n\n\`\`\`klingon\nlet a\n\`\`\``);
    await act(async () => {});
    expect(box.querySelector("code span")).toBeNull();
  });

  it("is copied, and says so", async () => {
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
    show("```\na\n b\n```");
    fireEvent.click(screen.getByRole("button", { name: "Copy code" }));
    await waitFor(() => expect(screen.getByRole("status").textContent).toBe("Copied"));
    expect(write).toHaveBeenCalledWith("a\n b");
  });

  it("says what to do when copying is refused", async () => {
    vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("no", "NotAllowedError"));
    show("```\na\n```");
    fireEvent.click(screen.getByRole("button", { name: "Copy code" }));
    await waitFor(() => expect(screen.getByRole("status").textContent).toMatch(/keyboard/));
  });
});
