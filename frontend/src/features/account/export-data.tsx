import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Notice } from "@/components/notice";
import { sentenceOf } from "@/lib/i18n/problems";
import { ExportCut, fetchExport, saveExport } from "./export";

type Progress = { readonly at: "start" | "running" | "done" } | { readonly at: "failed"; readonly error: unknown };

/** A button that gives the person all that they have, as a file. What becomes of it is told below the button. */
export function ExportData() {
  const { t } = useTranslation();
  const [progress, setProgress] = useState<Progress>({ at: "start" });
  async function download() {
    setProgress({ at: "running" });
    try {
      saveExport(await fetchExport(), new Date());
      setProgress({ at: "done" });
    } catch (error) {
      setProgress({ at: "failed", error });
    }
  }
  return (
    <>
      <Button busy={progress.at === "running"} onClick={download} className="self-start">
        {t("account.export.submit")}
      </Button>
      <Told progress={progress} />
    </>
  );
}

function Told({ progress }: { progress: Progress }) {
  const { t } = useTranslation();
  if (progress.at === "start") return null;
  if (progress.at !== "failed") return <Notice>{t(`account.export.${progress.at}`)}</Notice>;
  const isCut = progress.error instanceof ExportCut;
  return <Notice kind="error">{isCut ? t("account.export.cut") : sentenceOf(progress.error, t)}</Notice>;
}
