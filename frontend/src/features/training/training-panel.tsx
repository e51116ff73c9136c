import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { AddBox } from "./add-box";
import { AddingStatus } from "./adding-status";
import { DropHere } from "./drop-here";
import { trainingQuery } from "./queries";
import { TextList } from "./text-list";
import { useAdding } from "./use-adding";
import { usePaste } from "./use-paste";

export interface TrainingPanelProps {
  sessionId: string;
  open: boolean;
  onClose: () => void;
  /** Called after each text that was added. */
  onAdded?: (() => void) | undefined;
  /** Files to add as soon as the panel is open, such as those dropped on the page; each array is handled once. */
  files?: readonly File[] | undefined;
}

/**
 * The sheet that shows, adds and removes what the bot answers from in a session.
 * It keeps what was typed and goes on adding files while it is closed, as long as it stays mounted.
 */
export function TrainingPanel(props: TrainingPanelProps) {
  // Another session is another panel: a text typed for one must not be added to the other.
  return <SessionPanel key={props.sessionId} {...props} />;
}

function SessionPanel({ sessionId, open, onClose, onAdded, files }: TrainingPanelProps) {
  const { t } = useTranslation();
  const adding = useAdding(sessionId, onAdded);
  const paste = usePaste(sessionId, () => {
    adding.pasted();
    onAdded?.();
  });
  const texts = useQuery(trainingQuery(sessionId));
  useOnce(open ? files : undefined, adding.add);
  const close = () => {
    adding.seen();
    onClose();
  };
  return (
    <Dialog kind="sheet" open={open} onClose={close} title={t("training.title")}>
      <DropHere onFiles={adding.add} />
      <div className="flex flex-col gap-5">
        <div className="flex flex-col gap-2">
          <AddBox paste={paste} onFiles={adding.add} />
          <AddingStatus adding={adding} />
        </div>
        <TextList query={texts} />
      </div>
    </Dialog>
  );
}

function useOnce(files: readonly File[] | undefined, handle: (files: readonly File[]) => void): void {
  const handled = useRef<readonly File[] | undefined>(undefined);
  useEffect(() => {
    if (files === undefined || files === handled.current) return;
    handled.current = files;
    if (files.length > 0) handle(files);
  }, [files, handle]);
}
