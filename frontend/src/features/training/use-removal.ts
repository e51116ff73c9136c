import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useToast } from "@/components/toaster";
import { sentenceOf } from "@/lib/i18n/problems";
import { addText, dropText, keepText, removeText, type TrainingText } from "./queries";

export interface Removal {
  remove(text: TrainingText): void;
  /** Why the last text could not be removed; it is back then. */
  readonly error: Error | null;
}

/** Removes texts at once, with Undo in a toast. */
export function useRemoval(): Removal {
  const client = useQueryClient();
  const putBack = usePutBack();
  const show = useToast();
  const { t } = useTranslation();
  const { mutate: remove, error } = useMutation({
    networkMode: "always",
    mutationFn: (text: TrainingText) => removeText(text.id),
    onMutate: (text) => dropText(client, text),
    onError: (_, text) => keepText(client, text),
    onSuccess: (_, text) =>
      show({ text: t("training.removed"), action: { label: t("common.undo"), run: () => putBack(text) } }),
  });
  return { remove, error };
}

/** Adds a removed text again. When that fails the text is offered until it is back or put away: it is nowhere else. */
function usePutBack() {
  const client = useQueryClient();
  const show = useToast();
  const { t } = useTranslation();
  return async function putBack(text: TrainingText): Promise<void> {
    try {
      await keepText(client, await addText(text.session_id, text.content));
    } catch (error) {
      const sentence = t("training.not_put_back", { reason: sentenceOf(error, t) });
      show({ text: sentence, seconds: 0, action: { label: t("common.retry"), run: () => putBack(text) } });
    }
  };
}
