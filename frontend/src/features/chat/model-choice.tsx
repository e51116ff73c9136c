import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { answer, openApi } from "@/lib/api/client";

const KEY = "safycore.model";
const listeners = new Set<() => void>();

/** The model that was chosen here; undefined for the server's default. */
export function chosenModel(): string | undefined {
  return localStorage.getItem(KEY) ?? undefined;
}

function choose(model: string | null): void {
  if (model === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, model);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Chooses among the models on offer; nothing to see where there is but one. */
export function ModelChoice() {
  const { t } = useTranslation();
  const chosen = useSyncExternalStore(subscribe, chosenModel);
  const { data: models = [] } = useQuery({
    queryKey: ["models"],
    queryFn: async () => dropUnknown((await answer(openApi.GET("/api/models/"))).models),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (models.length < 2) return null;
  const selected = chosen ?? models.find((model) => model.default)?.id;
  return (
    <select
      aria-label={t("chat.model")}
      value={selected}
      onChange={(event) => choose(event.target.value)}
      className="target max-w-48 truncate rounded-lg bg-transparent px-2 text-muted text-sm hover:bg-surface hover:text-ink"
    >
      {models.map(({ id }) => (
        <option key={id} value={id} className="bg-raised text-ink">
          {shortName(id)}
        </option>
      ))}
    </select>
  );
}

/** A model that is no longer on offer is no longer chosen. */
function dropUnknown<T extends { id: string }>(models: T[]): T[] {
  const chosen = chosenModel();
  if (chosen !== undefined && !models.some(({ id }) => id === chosen)) choose(null);
  return models;
}

/** The name without its maker: `openai/gpt-oss-120b` is `gpt-oss-120b`. */
function shortName(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}
