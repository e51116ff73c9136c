import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Notice } from "@/components/notice";
import { Waiting } from "@/components/waiting";
import { sentenceOf } from "@/lib/i18n/problems";
import { Fullness } from "./fullness";
import type { TrainingText } from "./queries";
import { TextItem } from "./text-item";
import { type Removal, useRemoval } from "./use-removal";

/** The texts of a session, the newest first; or why there are none to be seen. */
export function TextList({ query }: { query: UseQueryResult<TrainingText[]> }) {
  const removal = useRemoval();
  if (query.data !== undefined) {
    return query.data.length > 0 ? <Texts texts={query.data} removal={removal} /> : <Nothing />;
  }
  return query.error === null ? <Waiting /> : <Unknown error={query.error} retry={() => void query.refetch()} />;
}

function Texts({ texts, removal: { remove, error } }: { texts: readonly TrainingText[]; removal: Removal }) {
  const { t } = useTranslation();
  return (
    <section aria-label={t("training.texts")} className="flex flex-col gap-3">
      <Fullness texts={texts} />
      {error !== null && <Notice kind="error">{t("training.not_removed", { reason: sentenceOf(error, t) })}</Notice>}
      <ul className="flex flex-col gap-2">
        {texts.toReversed().map((text) => (
          <TextItem key={text.id} text={text} onRemove={() => remove(text)} />
        ))}
      </ul>
    </section>
  );
}

function Nothing() {
  const { t } = useTranslation();
  return (
    <div className="flex flex-col gap-1 py-6 text-center">
      <p className="font-medium">{t("training.empty")}</p>
      <p className="text-muted text-sm">{t("training.empty_hint")}</p>
    </div>
  );
}

function Unknown({ error, retry }: { error: Error; retry: () => void }) {
  const { t } = useTranslation();
  return (
    <Notice kind="error" action={<Button onClick={retry}>{t("common.retry")}</Button>}>
      {sentenceOf(error, t)}
    </Notice>
  );
}
