import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, openApi } from "@/lib/api/client";
import { finishBeforeSigningOut } from "@/lib/auth/session";
import { EntryLink, EntryPage } from "./entry-page";
import { PasswordField } from "./fields";
import { Form } from "./form";
import { leave } from "./leave";
import { type Recovery, recoveryAfter, recoveryOf } from "./recovery";
import { NEW_PASSWORD } from "./rules";
import type { Values } from "./use-form";

const RULES = { new_password: NEW_PASSWORD };

/** Where the link of a reset mail leads. What it carries is kept here alone, and taken out of the address bar. */
export function ResetPassword() {
  const [recovery] = useState(() => recoveryOf(location.href));
  useEffect(() => history.replaceState(history.state, "", location.pathname), []);
  return recovery === null ? <NoLink /> : <Fields recovery={recovery} />;
}

function Fields({ recovery }: { recovery: Recovery }) {
  const { t } = useTranslation();
  const next = useRef(recovery);
  async function send(values: Values<keyof typeof RULES>) {
    await answer(openApi.POST("/api/auth/password-reset/confirm/", { body: { ...next.current, ...values } })).catch(
      (failure: unknown) => {
        next.current = recoveryAfter(failure, next.current);
        throw failure;
      },
    );
    // Every login of the account has ended, one in this browser too.
    await finishBeforeSigningOut();
    leave("/signin", { passwordChanged: true });
  }
  return (
    <EntryPage title={t("account.reset.title")} lead={t("account.reset.lead")} footer={<AskAgain />}>
      <Form rules={RULES} send={send} submit={t("account.reset.submit")}>
        {(field) => (
          <PasswordField
            label={t("account.new_password")}
            hint={t("account.password_hint")}
            autoComplete="new-password"
            enterKeyHint="go"
            {...field("new_password")}
          />
        )}
      </Form>
    </EntryPage>
  );
}

function NoLink() {
  const { t } = useTranslation();
  return <EntryPage title={t("account.reset.no_link_title")} lead={t("account.reset.no_link")} footer={<AskAgain />} />;
}

function AskAgain() {
  const { t } = useTranslation();
  return (
    <p>
      <EntryLink to="/forgot-password">{t("account.reset.ask_again")}</EntryLink>
    </p>
  );
}
