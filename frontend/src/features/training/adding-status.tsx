import { CircleAlert, LoaderCircle, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/button";
import { type Adding, type Failure, isRunning } from "./adding";
import { canRetry, reasonSentence } from "./reason-sentence";
import type { AddingFiles } from "./use-adding";

/** What became of the pasted text and of the files: how far they are, and why some were not added. */
export function AddingStatus({ adding }: { adding: AddingFiles }) {
  const { failures } = adding.state;
  return (
    <>
      <p role="status" className="flex items-center gap-2 text-muted text-sm">
        <Progress state={adding.state} />
      </p>
      <div role="alert" aria-atomic={false}>
        {failures.length > 0 && (
          <ul className="divide-y divide-line rounded-xl border border-line bg-raised">
            {failures.map((failure) => (
              <FailureItem key={failure.id} failure={failure} adding={adding} />
            ))}
          </ul>
        )}
      </div>
    </>
  );
}

function Progress({ state }: { state: Adding }) {
  const { t } = useTranslation();
  if (isRunning(state)) {
    return (
      <>
        <LoaderCircle aria-hidden size={16} className="animate-spin" />
        {t("training.adding", { now: state.added + state.failed + 1, total: state.total })}
      </>
    );
  }
  if (state.latest === "text") return t("training.added");
  return state.latest === "files" && state.added > 0 && t("training.files_added", { count: state.added });
}

function FailureItem({ failure, adding }: { failure: Failure; adding: AddingFiles }) {
  const { t } = useTranslation();
  const name = failure.file.name;
  return (
    <li className="flex items-start gap-2.5 py-1 pr-1 pl-3.5 text-sm">
      <CircleAlert aria-hidden size={18} className="mt-2 shrink-0 text-danger" />
      <div className="flex min-w-0 flex-1 flex-col items-start gap-0.5 py-1.5">
        <p className="max-w-full break-words font-medium">{name}</p>
        <p>{reasonSentence(failure.reason, t)}</p>
        {canRetry(failure.reason) && (
          <Button className="mt-1" onClick={() => adding.retry(failure)}>
            {t("common.retry")}
          </Button>
        )}
      </div>
      <IconButton
        label={t("training.dismiss", { name })}
        icon={<X aria-hidden size={18} />}
        onClick={() => adding.dismiss(failure)}
      />
    </li>
  );
}
