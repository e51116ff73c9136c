import { CircleAlert, Info } from "lucide-react";
import type { ReactNode } from "react";

interface NoticeProps {
  /** An error is read aloud at once; information waits for a pause. */
  kind?: "info" | "error";
  children: ReactNode;
  action?: ReactNode;
}

export function Notice({ kind = "info", children, action }: NoticeProps) {
  const isError = kind === "error";
  const Icon = isError ? CircleAlert : Info;
  return (
    <div
      role={isError ? "alert" : "status"}
      className={`flex items-start gap-2.5 rounded-lg border px-3.5 py-2.5 text-sm ${isError ? "border-danger" : "border-line bg-notice"}`}
    >
      <Icon aria-hidden size={18} className={`mt-0.5 shrink-0 ${isError ? "text-danger" : "text-muted"}`} />
      <div className="min-w-0 flex-1 self-center">{children}</div>
      {action}
    </div>
  );
}
