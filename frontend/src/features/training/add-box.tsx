import { FileUp } from "lucide-react";
import { type ChangeEvent, type FormEvent, type KeyboardEvent, useId, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { matches } from "@/lib/react/shortcut";
import { ACCEPT } from "./files";
import { reasonSentence } from "./reason-sentence";
import type { Paste } from "./use-paste";

interface AddBoxProps {
  paste: Paste;
  onFiles: (files: readonly File[]) => void;
}

/** Where text is pasted or typed, and files are chosen. */
export function AddBox({ paste, onFiles }: AddBoxProps) {
  const { t } = useTranslation();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    paste.add();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-1.5">
      <div className="rounded-xl border border-line bg-raised focus-within:border-accent">
        <PasteField paste={paste} />
        <div className="flex items-center justify-between gap-2 p-2">
          <ChooseFiles onFiles={onFiles} />
          <Button type="submit" look="primary" busy={paste.isAdding} disabled={paste.text.trim() === ""}>
            {t("training.add")}
          </Button>
        </div>
      </div>
      <p className="pointer-coarse:hidden text-muted text-xs">{t("training.drop_hint")}</p>
    </form>
  );
}

function PasteField({ paste }: { paste: Paste }) {
  const { t } = useTranslation();
  const id = useId();
  const addOnEnter = (event: KeyboardEvent) => matches("mod+enter", event.nativeEvent) && paste.add();
  return (
    <>
      <label htmlFor={id} className="block px-3.5 pt-3 font-medium text-sm">
        {t("training.paste_label")}
      </label>
      <textarea
        id={id}
        rows={4}
        value={paste.text}
        onChange={(event) => paste.write(event.target.value)}
        onKeyDown={addOnEnter}
        placeholder={t("training.paste_placeholder")}
        aria-invalid={paste.reason !== null}
        aria-describedby={`${id}-reason`}
        className="field-sizing-content block max-h-60 min-h-24 w-full resize-none bg-transparent px-3.5 py-2 text-base outline-none placeholder:text-muted"
      />
      <p id={`${id}-reason`} role="alert" className="px-3.5 text-danger text-sm">
        {paste.reason !== null && reasonSentence(paste.reason, t)}
      </p>
    </>
  );
}

function ChooseFiles({ onFiles }: Pick<AddBoxProps, "onFiles">) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const choose = ({ target }: ChangeEvent<HTMLInputElement>) => {
    onFiles([...(target.files ?? [])]);
    // The same file can be chosen again, as after putting it right.
    target.value = "";
  };
  return (
    <>
      <input ref={input} type="file" multiple hidden accept={ACCEPT} onChange={choose} />
      <Button look="quiet" onClick={() => input.current?.click()}>
        <FileUp aria-hidden size={18} />
        {t("training.choose_files")}
      </Button>
    </>
  );
}
