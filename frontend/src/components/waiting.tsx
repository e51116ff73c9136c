import { LoaderCircle } from "lucide-react";
import { useTranslation } from "react-i18next";

/** In place of a screen that is still being loaded. */
export function Waiting() {
  const { t } = useTranslation();
  return (
    <div role="status" className="flex h-full items-center justify-center text-muted">
      <LoaderCircle aria-hidden className="animate-spin" />
      <span className="sr-only">{t("common.loading")}</span>
    </div>
  );
}
