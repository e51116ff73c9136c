import { ArrowUp, Square } from "lucide-react";
import { type FormEvent, type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isComposing } from "@/lib/react/shortcut";
import { useMediaQuery } from "@/lib/react/use-media-query";

export const MAX_MESSAGE = 32_000;
const TELL_FROM = MAX_MESSAGE - 2_000;

export interface ComposerHandle {
  focus(): void;
  /** Puts a text in, unless something else is being written. */
  offer(text: string): void;
  /** Puts a text back in, before what was written since. */
  giveBack(text: string): void;
  /** Takes a text out that has been sent after all, unless it was changed. */
  withdraw(text: string): void;
}

interface ComposerProps {
  draft: string;
  onDraft: (text: string) => void;
  /** Resolves to false when the text was not accepted and belongs back into the box. */
  onSend: (text: string) => Promise<boolean>;
  onStop: () => void;
  running: boolean;
  handle: RefObject<ComposerHandle | null>;
  children?: ReactNode;
}

/** Where a message is written. Enter sends, Shift+Enter breaks the line; what is not accepted comes back. */
export function Composer({ draft, onDraft, onSend, onStop, running, handle, children }: ComposerProps) {
  const { t } = useTranslation();
  const [text, setText] = useState(draft);
  const box = useRef<HTMLTextAreaElement>(null);
  const touch = useMediaQuery("(pointer: coarse)");
  const tooLong = text.length > MAX_MESSAGE;
  const sendable = text.trim() !== "" && !tooLong && !running;

  const write = (next: string) => {
    setText(next);
    onDraft(next);
  };
  useEffect(() => {
    const now = () => box.current?.value ?? "";
    handle.current = {
      focus: () => box.current?.focus(),
      offer: (offered) => write(now() || offered),
      giveBack: (refused) => write([refused, now()].filter(Boolean).join("\n\n")),
      withdraw: (sent) => now() === sent && write(""),
    };
  });
  useGrowth(box, text);

  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!sendable) return;
    write("");
    box.current?.focus();
    // Through the handle: the chat may have got its address meanwhile.
    if (!(await onSend(text))) handle.current?.giveBack(text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter that ends a composition belongs to the input method; on glass there is no Shift to break a line with.
    if (event.key !== "Enter" || event.shiftKey || isComposing(event.nativeEvent) || touch) return;
    event.preventDefault();
    void submit();
  };

  return (
    <form
      onSubmit={(event) => void submit(event)}
      className="rounded-3xl border border-line bg-raised p-2 shadow-sm focus-within:border-muted"
    >
      <textarea
        ref={box}
        value={text}
        rows={1}
        // biome-ignore lint/a11y/noAutofocus: writing is what the page is for; on glass it would open the keyboard
        autoFocus={!touch}
        onChange={(event) => write(event.target.value)}
        onKeyDown={onKeyDown}
        aria-label={t("chat.message")}
        aria-invalid={tooLong}
        placeholder={t("chat.placeholder")}
        enterKeyHint={touch ? "enter" : "send"}
        className="block max-h-[40dvh] w-full resize-none bg-transparent px-3 py-2 text-base outline-none placeholder:text-muted"
      />
      <div className="flex items-center gap-1">
        {children}
        <span className="ml-auto px-2 text-muted text-sm tabular-nums" role="status">
          {text.length > TELL_FROM &&
            t(tooLong ? "chat.too_long" : "chat.left", { count: Math.abs(MAX_MESSAGE - text.length) })}
        </span>
        {running ? <StopButton onStop={onStop} /> : <SendButton disabled={!sendable} />}
      </div>
    </form>
  );
}

const ROUND =
  "target inline-flex items-center justify-center rounded-full bg-accent text-accent-ink disabled:cursor-not-allowed disabled:bg-line disabled:text-muted";

function SendButton({ disabled }: { disabled: boolean }) {
  const { t } = useTranslation();
  return (
    <button type="submit" disabled={disabled} aria-label={t("chat.send")} title={t("chat.send")} className={ROUND}>
      <ArrowUp aria-hidden size={20} />
    </button>
  );
}

function StopButton({ onStop }: { onStop: () => void }) {
  const { t } = useTranslation();
  return (
    <button type="button" onClick={onStop} aria-label={t("chat.stop")} title={t("chat.stop")} className={ROUND}>
      <Square aria-hidden size={14} fill="currentColor" />
    </button>
  );
}

/** Lets the box grow with its text; style sheets alone can do that in most browsers, but not yet in all. */
function useGrowth(box: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useEffect(() => {
    const { current: element } = box;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = text === "" ? "" : `${element.scrollHeight}px`;
  }, [box, text]);
}
