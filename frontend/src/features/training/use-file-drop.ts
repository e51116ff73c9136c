import { useEffect, useState } from "react";
import { useLiveRef } from "@/lib/react/use-live-ref";

interface Receiver {
  readonly take: (files: readonly File[]) => void;
  readonly hover: (isOver: boolean) => void;
}

/** Who takes what is dropped: the last one, so that a dialog goes before the page beneath it. */
const receivers: Receiver[] = [];

/** What the pointer entered last; null while no files are over the page. */
let entered: EventTarget | null = null;

/** Ends the listening of the window, which goes on while anybody takes files. */
let listening: AbortController | null = null;

/**
 * Takes the files that are dropped anywhere on the page. Returns whether files are held over it now.
 *
 * Of several of these at a time, the one that was mounted last is the one that takes them.
 */
export function useFileDrop(onFiles: (files: readonly File[]) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  const live = useLiveRef(onFiles);
  useEffect(() => register({ take: (files) => live.current(files), hover: setIsOver }), [live]);
  return isOver;
}

function register(receiver: Receiver): () => void {
  if (receivers.length === 0) listening = listen();
  receivers.push(receiver);
  enter(entered);
  return () => {
    receivers.splice(receivers.indexOf(receiver), 1);
    if (receivers.length === 0) listening?.abort();
    enter(receivers.length === 0 ? null : entered);
  };
}

function listen(): AbortController {
  const control = new AbortController();
  addEventListener("dragenter", onEnter, control);
  addEventListener("dragover", onOver, control);
  addEventListener("dragleave", onLeave, control);
  addEventListener("drop", onDrop, control);
  return control;
}

function onEnter(event: DragEvent): void {
  if (!hasFiles(event)) return;
  event.preventDefault();
  enter(event.target);
}

function onOver(event: DragEvent): void {
  // Without this the browser would open the file in place of the page.
  if (hasFiles(event)) event.preventDefault();
}

function onLeave(event: DragEvent): void {
  // Entering an element comes before leaving the one around it, so leaving the last one is leaving the page.
  if (event.target === entered) enter(null);
}

function onDrop(event: DragEvent): void {
  if (!hasFiles(event)) return;
  event.preventDefault();
  enter(null);
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length > 0) receivers.at(-1)?.take(files);
}

function enter(target: EventTarget | null): void {
  entered = target;
  for (const receiver of receivers) receiver.hover(target !== null && receiver === receivers.at(-1));
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
