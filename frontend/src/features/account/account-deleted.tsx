import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { EntryPage } from "./entry-page";
import { type Receipt, receiptLines } from "./receipt";

/** The receipt of a deleted account: what is gone, in words. */
export function AccountDeleted({ receipt, onDone }: { receipt: Receipt; onDone: () => void }) {
  const { t } = useTranslation();
  return (
    <EntryPage title={t("account.receipt.title")} lead={t("account.receipt.lead")}>
      <ul className="divide-y divide-line rounded-lg border border-line bg-raised px-4 text-sm">
        {receiptLines(receipt, t).map((line) => (
          <li key={line} className="py-2.5">
            {line}
          </li>
        ))}
      </ul>
      <Button look="primary" onClick={onDone} className="h-10.5 pointer-coarse:h-11">
        {t("account.receipt.done")}
      </Button>
    </EntryPage>
  );
}
