import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

interface EntryPageProps {
  title: string;
  /** A sentence or two below the title. */
  lead?: ReactNode;
  children?: ReactNode;
  /** Where else to go from here. */
  footer?: ReactNode;
}

/** A page before signing in. The focus comes to its first field, or to its title when it has none. */
export function EntryPage({ title, lead, children, footer }: EntryPageProps) {
  const { t } = useTranslation();
  return (
    <main ref={focusFirst} className="mx-auto w-full max-w-sm px-5 pt-8 pb-12 sm:px-0 sm:pt-[14vh]">
      <title>{`${title} · ${t("account.product")}`}</title>
      <Mark />
      <h1 tabIndex={-1} className="font-semibold text-2xl tracking-tight outline-none">
        {title}
      </h1>
      {lead && <p className="wrap-anywhere mt-2 text-muted">{lead}</p>}
      {children && <div className="mt-7 flex flex-col gap-5">{children}</div>}
      {footer && <div className="mt-7 flex flex-col gap-2 text-muted text-sm">{footer}</div>}
    </main>
  );
}

function focusFirst(main: HTMLElement | null): void {
  const first = main?.querySelector("input") ?? main?.querySelector("h1");
  first?.focus();
}

function Mark() {
  const { t } = useTranslation();
  return (
    <p className="mb-10 flex items-center gap-2.5 font-semibold">
      <img src="/favicon.svg" alt="" width={32} height={32} />
      {t("account.product")}
    </p>
  );
}

/** A link to another of these pages. */
export function EntryLink({ to, children }: { to: string; children: string }) {
  return (
    <Link
      href={to}
      className="inline-flex items-center font-medium text-accent underline decoration-1 underline-offset-4 hover:decoration-2 pointer-coarse:min-h-11"
    >
      {children}
    </Link>
  );
}
