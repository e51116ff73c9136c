import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import { createContext, type KeyboardEvent, type ReactNode, use, useState } from "react";
import { useTranslation } from "react-i18next";

const SECONDS = 6;

export interface ToastOptions {
  /** One sentence. */
  text: string;
  /** What can be done about it while it is shown, such as Undo. Pressing it closes the toast. */
  action?: { label: string; run: () => void } | undefined;
  /** How long it stays; 0 until it is closed. 6 when left out. The time stands still while it is pointed at or focused. */
  seconds?: number | undefined;
  /** Called once when the toast has left without its action pressed: its time was up, or it was closed. */
  onGone?: (() => void) | undefined;
}

type Show = (toast: ToastOptions) => void;

const ShowContext = createContext<Show | null>(null);

/** A function that shows a toast; always the same one. */
export function useToast(): Show {
  const show = use(ShowContext);
  if (show === null) throw new Error("useToast needs a ToastArea around it.");
  return show;
}

/** Gives everything in it a place for toasts: at the bottom, `--toast-bottom` above the edge, over any dialog. */
export function ToastArea({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [{ manager, show }] = useState(createToasts);
  return (
    <Toast.Provider toastManager={manager}>
      <ShowContext value={show}>{children}</ShowContext>
      <Toast.Portal>
        <Toast.Viewport
          aria-label={t("common.notifications")}
          className="pointer-events-none fixed inset-x-4 bottom-[calc(var(--toast-bottom,7.5rem)+env(safe-area-inset-bottom))] z-60 mx-auto flex max-w-md flex-col items-center gap-2"
        >
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function createToasts() {
  const manager = Toast.createToastManager();
  return { manager, show: (toast: ToastOptions) => showIn(manager, toast) };
}

function showIn(
  manager: ReturnType<typeof Toast.createToastManager>,
  { text, action, seconds = SECONDS, onGone }: ToastOptions,
) {
  // A toast can still be pressed while it fades out: whichever comes first, the action or its leaving, is what counts.
  let settled = false;
  const settle = (then?: () => void) => {
    if (settled) return;
    settled = true;
    then?.();
  };
  const press = (run: () => void) =>
    settle(() => {
      manager.close(id);
      run();
    });
  const id = manager.add({
    title: text,
    timeout: seconds * 1000,
    onClose: () => settle(onGone),
    ...(action && { actionProps: { children: action.label, onClick: () => press(action.run) } }),
  });
}

function ToastList() {
  const { t } = useTranslation();
  const { toasts, close } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      swipeDirection={["down", "left", "right"]}
      onKeyDown={keepEscape}
      className="pointer-events-auto flex w-full items-center gap-1 rounded-xl border border-line bg-raised py-1 pr-1 pl-4 text-ink text-sm shadow-lg motion-safe:transition motion-safe:duration-200 data-limited:hidden data-ending-style:translate-y-2 data-starting-style:translate-y-2 data-ending-style:opacity-0 data-starting-style:opacity-0"
    >
      <Toast.Title className="min-w-0 flex-1 py-2" render={<p />} />
      <Toast.Action className="target rounded-lg px-3 font-semibold text-accent hover:bg-surface" />
      <button
        type="button"
        aria-label={t("common.close")}
        onClick={() => close(toast.id)}
        className="target inline-flex items-center justify-center rounded-lg text-muted hover:bg-surface hover:text-ink"
      >
        <X aria-hidden size={18} />
      </button>
    </Toast.Root>
  ));
}

/** Esc closes the toast that has the focus, not the dialog beneath it as well. */
function keepEscape(event: KeyboardEvent) {
  if (event.key === "Escape") event.stopPropagation();
}
