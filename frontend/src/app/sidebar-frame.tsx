import { type ReactNode, useEffect, useRef } from "react";

interface SidebarFrameProps {
  isShown: boolean;
  /** Whether there is room beside the chat; else the list lies over it, as a dialog. */
  isWide: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** Where the list of chats stands. */
export function SidebarFrame({ isShown, isWide, onClose, children }: SidebarFrameProps) {
  if (!isShown) return null;
  if (isWide) return <aside className="h-full w-72 shrink-0 border-line border-r">{children}</aside>;
  return <Drawer onClose={onClose}>{children}</Drawer>;
}

function Drawer({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // The browser's own modal dialog holds the focus and closes with Esc.
  useEffect(() => dialog.current?.showModal(), []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes it, too
    <dialog
      ref={dialog}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
      className="m-0 h-dvh max-h-none w-[min(20rem,85vw)] backdrop:bg-black/40"
    >
      {children}
    </dialog>
  );
}
