import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api } from "@/lib/api/client";
import { ApiError } from "@/lib/api/errors";
import type { components } from "@/lib/api/schema";

/** A text that the bot answers from in its session. */
export type TrainingText = components["schemas"]["TrainingDataFields"];

export const trainingKey = (sessionId: string) => ["training", sessionId] as const;

/** The texts of a session, oldest first; none for a session that is not there yet. */
export function trainingQuery(sessionId: string) {
  return queryOptions({
    queryKey: trainingKey(sessionId),
    queryFn: async ({ signal }): Promise<TrainingText[]> => {
      const params = { query: { session_id: sessionId } };
      return (await answer(api.GET("/api/chat/training-data/", { params, signal }))).training_data;
    },
  });
}

/** How many texts the bot answers from in a session; 0 until it is known. */
export function useTrainingCount(sessionId: string): number {
  return useQuery(trainingQuery(sessionId)).data?.length ?? 0;
}

/**
 * Adds a text to a session and gives it back as stored; the same text again gives the one that is there.
 * The cache does not know of it: see `keepText`.
 */
export function addText(sessionId: string, text: string): Promise<TrainingText> {
  return answer(api.POST("/api/chat/training-data/", { body: { session_id: sessionId, content: text } }));
}

/** Removes a text; one that is gone already is fine. */
export async function removeText(id: string): Promise<void> {
  const params = { path: { training_id: id } };
  await answer(api.DELETE("/api/chat/training-data/{training_id}/", { params })).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
}

/** Puts a stored text into the cache, where it belongs by its age. */
export function keepText(client: QueryClient, text: TrainingText): Promise<void> {
  return change(client, text.session_id, (texts) => byAge([...texts.filter(({ id }) => id !== text.id), text]));
}

/** Takes a text out of the cache. */
export function dropText(client: QueryClient, text: TrainingText): Promise<void> {
  return change(client, text.session_id, (texts) => texts.filter(({ id }) => id !== text.id));
}

async function change(client: QueryClient, sessionId: string, to: (texts: TrainingText[]) => TrainingText[]) {
  const { queryKey } = trainingQuery(sessionId);
  // An answer that is under way is from before this change.
  await client.cancelQueries({ queryKey });
  const changed = client.setQueryData(queryKey, (texts) => texts && to(texts));
  if (changed === undefined) await client.invalidateQueries({ queryKey });
}

function byAge(texts: TrainingText[]): TrainingText[] {
  return texts.toSorted((one, other) => one.created_at.localeCompare(other.created_at));
}
