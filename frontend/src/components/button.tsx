import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";

const LOOKS = {
  primary: "bg-accent text-accent-ink hover:opacity-90",
  plain: "border border-line bg-raised text-ink hover:bg-surface",
  quiet: "text-muted hover:bg-surface hover:text-ink",
  danger: "border border-danger text-danger hover:bg-surface",
} as const;

interface ButtonProps extends ComponentProps<"button"> {
  look?: keyof typeof LOOKS;
  /** While true the button cannot be pressed again, and shows that something is going on. */
  busy?: boolean;
}

export function Button({ look = "plain", busy = false, onClick, className = "", children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      // Not `disabled` while busy: that would take the focus away from whoever has just pressed it.
      aria-disabled={busy || undefined}
      aria-busy={busy}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={`target inline-flex items-center justify-center gap-2 rounded-lg px-3.5 py-1.5 font-medium text-sm transition-colors disabled:cursor-not-allowed disabled:opacity-60 aria-disabled:cursor-not-allowed aria-disabled:opacity-60 ${LOOKS[look]} ${className}`}
    >
      {busy && <LoaderCircle aria-hidden size={16} className="animate-spin" />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "children"> {
  /** What it does: read aloud, and shown when the pointer rests on it. */
  label: string;
  icon: ReactNode;
}

export function IconButton({ label, icon, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`target inline-flex items-center justify-center rounded-lg text-muted transition-colors hover:bg-surface hover:text-ink disabled:cursor-not-allowed disabled:opacity-50 ${className}`}
    >
      {icon}
    </button>
  );
}
