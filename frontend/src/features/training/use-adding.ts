import { useQueryClient } from "@tanstack/react-query";
import { useReducer, useRef } from "react";
import { type Adding, type AddingEvent, adding, type Failure, NOTHING_ADDED, type Reason } from "./adding";
import { readText } from "./files";
import { addText, keepText } from "./queries";

export interface AddingFiles {
  readonly state: Adding;
  add(files: readonly File[]): void;
  /** Adds the file of a failure once more, as it is by then. */
  retry(failure: Failure): void;
  dismiss(failure: Failure): void;
  /** Says that a pasted text was added. */
  pasted(): void;
  /** Leaves off saying what was added. */
  seen(): void;
}

/** Adds files to a session one after the other, in their order; `onAdded` is called for each that was added. */
export function useAdding(sessionId: string, onAdded?: () => void): AddingFiles {
  const client = useQueryClient();
  const [state, dispatch] = useReducer(adding, NOTHING_ADDED);
  const last = useRef(Promise.resolve());

  const addOne = async (file: File) => {
    const event = await outcome(file, async (text) => keepText(client, await addText(sessionId, text)));
    dispatch(event);
    if (event.type === "added") onAdded?.();
  };
  const add = (files: readonly File[]) => {
    dispatch({ type: "queued", count: files.length });
    for (const file of files) last.current = last.current.then(() => addOne(file));
  };
  const dismiss = ({ id }: Failure) => dispatch({ type: "dismissed", id });
  const retry = (failure: Failure) => {
    dismiss(failure);
    add([failure.file]);
  };
  const pasted = () => dispatch({ type: "pasted" });
  const seen = () => dispatch({ type: "seen" });
  return { state, add, retry, dismiss, pasted, seen };
}

let lastId = 0;

async function outcome(file: File, store: (text: string) => Promise<void>): Promise<AddingEvent> {
  const reason = await reasonAgainst(file, store);
  if (reason === null) return { type: "added" };
  lastId += 1;
  return { type: "failed", failure: { id: lastId, file, reason } };
}

async function reasonAgainst(file: File, store: (text: string) => Promise<void>): Promise<Reason | null> {
  const read = await readText(file);
  if ("problem" in read) return read;
  try {
    await store(read.text);
    return null;
  } catch (error) {
    return { error };
  }
}
