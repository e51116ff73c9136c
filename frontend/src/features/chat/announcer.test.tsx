import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startTexts } from "@/lib/i18n";
import { Announcer } from "./announcer";
import type { ChatMessage, ReplyStatus } from "./messages";

const reply = (text: string, status?: ReplyStatus): ChatMessage => ({
  id: "reply",
  role: "assistant",
  parts: [{ type: "text", text }],
  metadata: status ? { status } : {},
});
const heard = () => screen.getByRole("log").textContent?.trim();

describe("the announcer", () => {
  beforeAll(startTexts);
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
  });

  it("reads sentences while a reply grows without a pause, then that it is done", () => {
    const { rerender } = render(<Announcer isLoaded reply={undefined} />);
    for (let length = 0; length < 30; length++) {
      rerender(<Announcer isLoaded reply={reply("It opens at 9. On Sundays at 10.".slice(0, length))} />);
      act(() => void vi.advanceTimersByTime(100));
    }
    expect(heard()).toBe("It opens at 9.");
    rerender(<Announcer isLoaded reply={reply("It opens at 9. On Sundays at 10.", "complete")} />);
    expect(heard()).toBe("On Sundays at 10. The reply is done.");
  });

  it("reads a reply that came all at once", () => {
    const { rerender } = render(<Announcer isLoaded reply={undefined} />);
    rerender(<Announcer isLoaded reply={reply("Yes.", "complete")} />);
    expect(heard()).toBe("Yes. The reply is done.");
  });

  it("does not read what was there before", () => {
    const { rerender } = render(<Announcer isLoaded={false} reply={undefined} />);
    rerender(<Announcer isLoaded reply={reply("Old.", "complete")} />);
    expect(heard()).toBe("");
  });
});
