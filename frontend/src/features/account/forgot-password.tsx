import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { answer, openApi } from "@/lib/api/client";
import { EntryLink, EntryPage } from "./entry-page";
import { EmailField } from "./fields";
import { Form } from "./form";
import { EMAIL } from "./rules";
import type { Values } from "./use-form";

const RULES = { email: EMAIL };

export function ForgotPassword() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  return sentTo === null ? <Ask onSent={setSentTo} /> : <MailSent email={sentTo} onAgain={() => setSentTo(null)} />;
}

function Ask({ onSent }: { onSent: (email: string) => void }) {
  const { t } = useTranslation();
  async function send(values: Values<keyof typeof RULES>) {
    await answer(openApi.POST("/api/auth/password-reset/", { body: values }));
    onSent(values.email);
  }
  return (
    <EntryPage title={t("account.forgot.title")} lead={t("account.forgot.lead")} footer={<Back />}>
      <Form rules={RULES} send={send} submit={t("account.forgot.submit")}>
        {(field) => <EmailField enterKeyHint="send" {...field("email")} />}
      </Form>
    </EntryPage>
  );
}

/** Alike whether or not there is such an account: that is nobody else's business. */
function MailSent({ email, onAgain }: { email: string; onAgain: () => void }) {
  const { t } = useTranslation();
  return (
    <EntryPage title={t("account.look_into_mail")} lead={t("account.forgot.sent", { email })} footer={<Back />}>
      <p className="text-muted">{t("account.forgot.nothing_came")}</p>
      <Button onClick={onAgain} className="self-start">
        {t("account.forgot.again")}
      </Button>
    </EntryPage>
  );
}

function Back() {
  const { t } = useTranslation();
  return (
    <p>
      <EntryLink to="/signin">{t("account.to_sign_in")}</EntryLink>
    </p>
  );
}
