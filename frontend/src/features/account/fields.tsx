import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/button";
import { TextField } from "@/components/text-field";
import type { FieldOfForm } from "./form";

type InputProps = FieldOfForm & Pick<ComponentProps<"input">, "enterKeyHint">;

/** The address somebody signs in with. */
export function EmailField(props: InputProps) {
  const { t } = useTranslation();
  return (
    <TextField
      label={t("account.email")}
      type="email"
      inputMode="email"
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      {...props}
    />
  );
}

interface PasswordFieldProps extends InputProps {
  label: string;
  hint?: string;
  autoComplete: "current-password" | "new-password";
}

/** A password, which can be looked at while it is typed. */
export function PasswordField(props: PasswordFieldProps) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <div className="relative">
      <TextField
        type={shown ? "text" : "password"}
        autoCapitalize="none"
        spellCheck={false}
        className="[&_input]:pr-12 [&_input::-ms-reveal]:hidden"
        {...props}
      />
      <IconButton
        label={t(shown ? "account.hide_password" : "account.show_password")}
        icon={<Icon aria-hidden size={18} />}
        onClick={() => setShown(!shown)}
        className="absolute top-7.25 right-0.75 pointer-coarse:top-6.5"
      />
    </div>
  );
}
