import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearch } from "wouter";
import { navigate, useHistoryState } from "wouter/use-browser-location";
import { answer, openApi } from "@/lib/api/client";
import { signIn } from "@/lib/auth/session";
import { AccountDeleted } from "./account-deleted";
import { cameWithReceipt } from "./arrival";
import { EntryLink, EntryPage } from "./entry-page";
import { EmailField, PasswordField } from "./fields";
import { Form } from "./form";
import { EMAIL, NEW_PASSWORD } from "./rules";
import type { Values } from "./use-form";

const RULES = { email: EMAIL, password: NEW_PASSWORD };

/** Somebody who has just deleted their account sees first what is gone. */
export function SignUp() {
  const receipt = cameWithReceipt(useHistoryState<unknown>());
  const [waitingFor, setWaitingFor] = useState<string | null>(null);
  if (receipt !== null) {
    return <AccountDeleted receipt={receipt} onDone={() => navigate("/signup", { replace: true })} />;
  }
  return waitingFor === null ? <Fields onWaiting={setWaitingFor} /> : <MailSent email={waitingFor} />;
}

/** Calls `onWaiting` where the address has to be confirmed first; else the router leads on. */
function Fields({ onWaiting }: { onWaiting: (email: string) => void }) {
  const { t } = useTranslation();
  async function send(values: Values<keyof typeof RULES>) {
    const isSignedIn = signIn(await answer(openApi.POST("/api/auth/signup/", { body: values })));
    if (!isSignedIn) onWaiting(values.email);
  }
  return (
    <EntryPage title={t("account.sign_up.title")} lead={t("account.sign_up.lead")} footer={<Elsewhere />}>
      <Form rules={RULES} send={send} submit={t("account.sign_up.submit")}>
        {(field) => (
          <>
            <EmailField enterKeyHint="next" {...field("email")} />
            <PasswordField
              label={t("account.password")}
              hint={t("account.password_hint")}
              autoComplete="new-password"
              enterKeyHint="go"
              {...field("password")}
            />
          </>
        )}
      </Form>
    </EntryPage>
  );
}

function MailSent({ email }: { email: string }) {
  const { t } = useTranslation();
  return (
    <EntryPage
      title={t("account.look_into_mail")}
      lead={t("account.sign_up.sent", { email })}
      footer={<EntryLink to="/signin">{t("account.to_sign_in")}</EntryLink>}
    />
  );
}

function Elsewhere() {
  const { t } = useTranslation();
  const search = useSearch();
  return (
    <p>
      {t("account.sign_up.have_account")}{" "}
      <EntryLink to={search ? `/signin?${search}` : "/signin"}>{t("account.sign_up.sign_in")}</EntryLink>
    </p>
  );
}
