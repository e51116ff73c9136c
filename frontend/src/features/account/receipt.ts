import type { TFunction } from "i18next";

/** How many rows went with an account, per table. */
export type Receipt = Readonly<Record<string, number>>;

const TABLES = ["messages", "conversation_sessions", "training_data", "user_profiles", "users"] as const;

/** The receipt in words, what matters most first. What there was none of is left out; a table new to us has its name. */
export function receiptLines(receipt: Receipt, t: TFunction): string[] {
  const known = TABLES.map((table) => [table, receipt[table] ?? 0] as const);
  const others = Object.entries(receipt).filter(([table]) => !TABLES.some((name) => name === table));
  return [
    ...known.filter(present).map(([table, count]) => t(`account.receipt.${table}`, { count })),
    ...others.filter(present).map(([table, count]) => t("account.receipt.other", { count, table })),
  ];
}

function present([, count]: readonly [string, number]): boolean {
  return count > 0;
}
