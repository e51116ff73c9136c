import { type ComponentProps, use } from "react";
import { useTranslation } from "react-i18next";
import { WithinLink } from "./links";

interface Noted {
  "data-note"?: string;
  "data-label"?: string;
}

/** The mark in the text; pressed, it leads to its note. No ids are made of what a model wrote, so it is no link. */
export function FootnoteMark({ "data-note": note = "", children }: ComponentProps<"sup"> & Noted) {
  const { t } = useTranslation();
  const label = t("markdown.footnote", { label: String(children) });
  if (use(WithinLink)) return <sup>{children}</sup>;
  return (
    <sup>
      <button
        type="button"
        data-note-mark={note}
        aria-label={label}
        onClick={(event) => lead(event.currentTarget, "noteText", note)}
      >
        {children}
      </button>
    </sup>
  );
}

/** The note itself, where it was written; its label, pressed, leads back to the first mark. */
export function Footnote({
  "data-note": note = "",
  "data-label": label = "",
  children,
  dir,
}: ComponentProps<"aside"> & Noted) {
  const { t } = useTranslation();
  return (
    <div role="note" dir={dir} className="footnote">
      <button
        type="button"
        data-note-text={note}
        aria-label={t("markdown.footnote_back", { label })}
        onClick={(event) => lead(event.currentTarget, "noteMark", note)}
      >
        {label}
      </button>
      <div>{children}</div>
    </div>
  );
}

/** Moves the focus, and with it the page, to the other end of a footnote in the same message. */
function lead(from: HTMLElement, kind: "noteText" | "noteMark", note: string): void {
  const ends = from.closest(".markdown")?.querySelectorAll<HTMLElement>(".footnote button, sup button") ?? [];
  [...ends].find((end) => end.dataset[kind] === note)?.focus();
}
