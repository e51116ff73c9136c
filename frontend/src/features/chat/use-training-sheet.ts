import { useCallback, useState } from "react";
import { useFileDrop } from "@/features/training/use-file-drop";

interface SheetState {
  readonly isOpen: boolean;
  /** Whether it has been opened before: until then its code is not even loaded. */
  readonly wasOpened: boolean;
  readonly files: readonly File[];
}

/** The sheet with what the bot answers from; files that are dropped anywhere on the page open it. */
export function useTrainingSheet() {
  const [state, setState] = useState<SheetState>({ isOpen: false, wasOpened: false, files: [] });
  const show = useCallback((files: readonly File[]) => setState({ isOpen: true, wasOpened: true, files }), []);
  const hide = useCallback(() => setState((before) => ({ ...before, isOpen: false, files: [] })), []);
  const isDragging = useFileDrop(show);
  return { ...state, isDragging, show, hide };
}
