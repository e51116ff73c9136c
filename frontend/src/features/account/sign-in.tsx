import { useTranslation } from "react-i18next";
import { useSearch } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import { Notice } from "@/components/notice";
import { answer, openApi } from "@/lib/api/client";
import { hasEnded, signIn } from "@/lib/auth/session";
import { cameWithNewPassword } from "./arrival";
import { EntryLink, EntryPage } from "./entry-page";
import { EmailField, PasswordField } from "./fields";
import { Form } from "./form";
import { EMAIL, PRESENT_PASSWORD } from "./rules";
import type { Values } from "./use-form";

const RULES = { email: EMAIL, password: PRESENT_PASSWORD };

/** The router leads on to `next` once the tokens are there. */
export function SignIn() {
  const { t } = useTranslation();
  return (
    <EntryPage title={t("account.sign_in.title")} footer={<Elsewhere />}>
      <WhyHere />
      <Form rules={RULES} send={send} submit={t("account.sign_in.submit")}>
        {(field) => (
          <>
            <EmailField enterKeyHint="next" {...field("email")} />
            <PasswordField
              label={t("account.password")}
              autoComplete="current-password"
              enterKeyHint="go"
              {...field("password")}
            />
          </>
        )}
      </Form>
    </EntryPage>
  );
}

async function send(values: Values<keyof typeof RULES>): Promise<void> {
  signIn(await answer(openApi.POST("/api/auth/login/", { body: values })));
}

function WhyHere() {
  const { t } = useTranslation();
  const state = useHistoryState<unknown>();
  if (cameWithNewPassword(state)) return <Notice>{t("account.sign_in.password_changed")}</Notice>;
  return hasEnded() ? <Notice>{t("account.sign_in.ended")}</Notice> : null;
}

function Elsewhere() {
  const { t } = useTranslation();
  const search = useSearch();
  return (
    <>
      <p>
        <EntryLink to="/forgot-password">{t("account.sign_in.forgot")}</EntryLink>
      </p>
      <p>
        {t("account.sign_in.no_account")}{" "}
        <EntryLink to={search ? `/signup?${search}` : "/signup"}>{t("account.sign_in.sign_up")}</EntryLink>
      </p>
    </>
  );
}
