import { useTranslation } from "react-i18next";
import { useOnline } from "@/lib/react/use-online";

/** Says that the network is away, for as long as it is. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const online = useOnline();
  return (
    <div role="status" className="fixed inset-x-0 top-0 z-30 text-center">
      {!online && <p className="bg-ink px-4 py-1.5 text-canvas text-sm">{t("common.offline")}</p>}
    </div>
  );
}
