import { useTranslation } from "react-i18next";
import { answer, api } from "@/lib/api/client";
import { PasswordField } from "./fields";
import { Form } from "./form";
import { OTHER_PASSWORD, PRESENT_PASSWORD } from "./rules";
import type { Values } from "./use-form";

const RULES = { current_password: PRESENT_PASSWORD, new_password: OTHER_PASSWORD };

/** The person's other logins end with the change, this one stays. */
export function ChangePassword({ email }: { email: string }) {
  const { t } = useTranslation();
  return (
    <Form rules={RULES} send={send} look="plain" submit={t("account.change.submit")} done={t("account.change.done")}>
      {(field) => (
        <>
          <UsernameForManagers email={email} />
          <PasswordField
            label={t("account.current_password")}
            autoComplete="current-password"
            enterKeyHint="next"
            {...field("current_password")}
          />
          <PasswordField
            label={t("account.new_password")}
            hint={t("account.password_hint")}
            autoComplete="new-password"
            enterKeyHint="done"
            {...field("new_password")}
          />
        </>
      )}
    </Form>
  );
}

/** Tells a password manager whose password this is. */
export function UsernameForManagers({ email }: { email: string }) {
  return <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />;
}

async function send(values: Values<keyof typeof RULES>): Promise<void> {
  await answer(api.POST("/api/auth/change-password/", { body: values }));
}
