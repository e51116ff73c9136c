import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Reason } from "./adding";
import { type ProblemCode, problemOf } from "./files";
import { addText, keepText } from "./queries";

export interface Paste {
  readonly text: string;
  /** Why the text cannot be added, or was not. */
  readonly reason: Reason | null;
  readonly isAdding: boolean;
  write(text: string): void;
  /** Adds the text and empties the box; on an error the text stays. */
  add(): void;
}

/** The box for text: what stands in it outlives the closed panel. */
export function usePaste(sessionId: string, onAdded: () => void): Paste {
  const client = useQueryClient();
  const [text, setText] = useState("");
  const adding = useMutation({
    networkMode: "always",
    mutationFn: async (sent: string) => keepText(client, await addText(sessionId, sent)),
    onSuccess: (_, sent) => {
      setText((now) => (now === sent ? "" : now));
      onAdded();
    },
  });
  const write = (typed: string) => {
    setText(typed);
    if (!adding.isPending) adding.reset();
  };
  const problem = problemOf(text);
  const add = () => {
    if (problem === null && !adding.isPending) adding.mutate(text);
  };
  return { text, reason: reasonOf(problem, adding.error), isAdding: adding.isPending, write, add };
}

function reasonOf(problem: ProblemCode | null, error: Error | null): Reason | null {
  if (problem !== null && problem !== "empty") return { problem };
  return error === null ? null : { error };
}
