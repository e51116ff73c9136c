import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** A sheet stands at the side and has the full height; a dialog is in the middle. */
  kind?: "dialog" | "sheet";
}

const PLACES = {
  dialog:
    "top-1/2 left-1/2 max-h-[85dvh] w-[min(32rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 rounded-2xl border",
  sheet: "inset-y-0 right-0 h-dvh w-[min(28rem,100vw)] border-l pb-[env(safe-area-inset-bottom)]",
} as const;

/** A modal dialog: it takes the focus, gives it back, and closes with Esc or a press beside it. */
export function Dialog({ open, onClose, title, children, kind = "dialog" }: DialogProps) {
  const { t } = useTranslation();
  return (
    <BaseDialog.Root open={open} onOpenChange={(opened) => opened || onClose()}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <BaseDialog.Popup className={`fixed z-50 flex flex-col border-line bg-canvas shadow-xl ${PLACES[kind]}`}>
          <header className="flex items-center justify-between gap-2 px-5 pt-4 pb-2">
            <BaseDialog.Title className="font-semibold text-lg">{title}</BaseDialog.Title>
            <BaseDialog.Close
              aria-label={t("common.close")}
              className="target inline-flex items-center justify-center rounded-lg text-muted hover:bg-surface hover:text-ink"
            >
              <X aria-hidden size={20} />
            </BaseDialog.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 pb-5">{children}</div>
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}
