import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/text-field";
import { answer, api } from "@/lib/api/client";
import { PasswordField } from "./fields";
import { Form } from "./form";
import { leave } from "./leave";
import { PRESENT_PASSWORD, typedAddress } from "./rules";

/** Asks for the address and the password before everything goes; the receipt is shown on the page outside. */
export function DeleteAccount({ email }: { email: string }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="danger" onClick={() => setOpen(true)} className="self-start">
        {t("account.delete.open")}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t("account.delete.title")}>
        <Confirmation email={email} />
      </Dialog>
    </>
  );
}

function Confirmation({ email }: { email: string }) {
  const { t } = useTranslation();
  const rules = { typed_address: typedAddress(email), password: PRESENT_PASSWORD };
  return (
    <div className="flex flex-col gap-5">
      <p className="text-muted text-sm">{t("account.delete.lead")}</p>
      <Form rules={rules} send={send} look="danger" submit={t("account.delete.submit")}>
        {(field) => (
          <>
            <TextField
              label={t("account.delete.type_address", { email })}
              className="wrap-anywhere"
              type="email"
              inputMode="email"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              enterKeyHint="next"
              {...field("typed_address")}
            />
            <PasswordField
              label={t("account.password")}
              autoComplete="current-password"
              enterKeyHint="go"
              {...field("password")}
            />
          </>
        )}
      </Form>
    </div>
  );
}

async function send({ password }: { readonly password: string }): Promise<void> {
  const { deleted } = await answer(api.DELETE("/api/auth/account/", { body: { password } }));
  leave("/signup", { deleted });
}
