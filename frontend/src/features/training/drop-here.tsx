import { FileUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFileDrop } from "./use-file-drop";

/** Takes dropped files, and says so all over the sheet while some are held over the page. */
export function DropHere({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const { t } = useTranslation();
  const isOver = useFileDrop(onFiles);
  return (
    isOver && (
      <p className="pointer-events-none absolute inset-2 z-10 flex items-center justify-center gap-2 rounded-xl border-2 border-accent border-dashed bg-canvas/95 font-medium text-accent">
        <FileUp aria-hidden size={20} />
        {t("training.drop_here")}
      </p>
    )
  );
}
