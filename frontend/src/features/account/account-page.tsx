import { ArrowLeft } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Button } from "@/components/button";
import { useSignedIn } from "@/lib/auth/use-signed-in";
import { LanguageChoice, ThemeChoice } from "./appearance";
import { ChangePassword } from "./change-password";
import { DeleteAccount } from "./delete-account";
import { ExportData } from "./export-data";
import { signOut } from "./leave";

/** What somebody who is signed in can do with their account. */
export function AccountPage() {
  const { t } = useTranslation();
  const person = useSignedIn();
  // Signed out: the router is about to leave this page.
  if (person === null) return null;
  return (
    <main className="h-full overflow-y-auto">
      <title>{`${t("account.page.title")} · ${t("account.product")}`}</title>
      <div className="mx-auto flex max-w-xl flex-col px-5 pt-4 pb-[calc(4rem+env(safe-area-inset-bottom))]">
        <Back />
        <h1 ref={focus} tabIndex={-1} className="mt-4 font-semibold text-2xl tracking-tight outline-none">
          {t("account.page.title")}
        </h1>
        <Login email={person.email} />
        <Section title={t("account.page.appearance")}>
          <ThemeChoice />
          <LanguageChoice />
        </Section>
        <Section title={t("account.change.title")} lead={t("account.change.lead")}>
          <ChangePassword email={person.email} />
        </Section>
        <Section title={t("account.export.title")} lead={t("account.export.lead")}>
          <ExportData />
        </Section>
        <Section title={t("account.delete.title")} lead={t("account.delete.lead")}>
          <DeleteAccount email={person.email} />
        </Section>
      </div>
    </main>
  );
}

/** Whoever came by a link is told where they are now. */
function focus(title: HTMLElement | null): void {
  title?.focus();
}

function Back() {
  const { t } = useTranslation();
  return (
    <Link
      href="/"
      className="target -ml-2 inline-flex items-center gap-1.5 self-start rounded-lg px-2 text-muted text-sm hover:bg-surface hover:text-ink"
    >
      <ArrowLeft aria-hidden size={18} />
      {t("common.to_chat")}
    </Link>
  );
}

function Login({ email }: { email: string }) {
  const { t } = useTranslation();
  const [leaving, setLeaving] = useState(false);
  async function leave() {
    setLeaving(true);
    await signOut();
  }
  return (
    <div className="mt-4 flex flex-wrap items-center justify-between gap-x-4 gap-y-3 pb-8">
      <p className="min-w-0 flex-1 basis-60 text-muted">
        {t("account.page.signed_in_as")} <strong className="wrap-anywhere font-medium text-ink">{email}</strong>
      </p>
      <Button busy={leaving} onClick={leave}>
        {t("account.page.sign_out")}
      </Button>
    </div>
  );
}

function Section({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="flex flex-col gap-5 border-line border-t py-8">
      <div className="flex flex-col gap-1">
        <h2 id={id} className="font-semibold text-lg">
          {title}
        </h2>
        {lead && <p className="text-muted text-sm">{lead}</p>}
      </div>
      {children}
    </section>
  );
}
