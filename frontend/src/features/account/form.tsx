import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Notice } from "@/components/notice";
import { NetworkError } from "@/lib/api/errors";
import { sentenceOf } from "@/lib/i18n/problems";
import type { Rules } from "./rules";
import { useForm, type Values } from "./use-form";

/** What a field has to know to be one of a form. */
export interface FieldOfForm {
  readonly name: string;
  readonly errors: readonly string[];
}

interface FormProps<Field extends string> {
  rules: Rules<Field>;
  /** Throws what the API throws. */
  send: (values: Values<NoInfer<Field>>) => Promise<unknown>;
  submit: ReactNode;
  look?: "primary" | "plain" | "danger";
  /** Said once it is sent, for a form that stays on the page: its fields are then empty again. */
  done?: string;
  children: (field: (name: Field) => FieldOfForm) => ReactNode;
}

/** Fields and a button. What is wrong stands beside its field, or in a notice when it concerns none. */
export function Form<Field extends string>(props: FormProps<Field>) {
  const { rules, send, submit, look = "primary", done, children } = props;
  const { t } = useTranslation();
  const form = useForm(rules, send, done !== undefined);
  const field = (name: Field) => {
    const problem = form.problem(name);
    return { name, errors: problem === undefined ? [] : [t(`account.wrong.${problem}`)] };
  };
  const error = form.outcome?.sent === false ? form.outcome.error : null;
  const isDone = form.outcome?.sent === true && done !== undefined;
  return (
    <form ref={form.ref} onSubmit={form.submit} noValidate className="flex flex-col gap-5">
      {children(field)}
      {error !== null && (
        <Notice key={form.outcome?.tries} kind="error">
          {sentence(error, t)}
        </Notice>
      )}
      {isDone && <Notice key={form.outcome?.tries}>{done}</Notice>}
      <Button
        type="submit"
        look={look}
        busy={form.busy}
        className={look === "primary" ? "h-10.5 pointer-coarse:h-11" : "self-start"}
      >
        {submit}
      </Button>
    </form>
  );
}

function sentence(error: unknown, t: TFunction): string {
  return error instanceof NetworkError && !navigator.onLine ? t("account.offline") : sentenceOf(error, t);
}
