import { type SubmitEvent, useEffect, useRef, useState } from "react";
import { checked, type Failure, type FieldProblem, failureOf, namesOf, type Rules } from "./rules";

export type Values<Field extends string> = Readonly<Record<Field, string>>;

type Send<Field extends string> = (values: Values<Field>) => Promise<unknown>;

/** What became of a try to send a form. */
type Outcome<Field extends string> = { readonly sent: true } | ({ readonly sent: false } & Failure<Field>);

/**
 * A form whose inputs keep their own values, checked by `rules` and sent once at a time by `send`, which throws what
 * the API throws. After a failure the focus is in the first wrong field. Once it is sent, the inputs are emptied only
 * where `clears` is true. `outcome.tries` counts, so that the same sentence twice can be read aloud twice.
 */
export function useForm<Field extends string>(rules: Rules<Field>, send: Send<Field>, clears: boolean) {
  const form = useRef<HTMLFormElement>(null);
  const sending = useRef(false);
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<(Outcome<Field> & { readonly tries: number }) | null>(null);

  // Only once the page says what is wrong with it, so that this is read along with the field.
  useEffect(() => {
    if (outcome?.sent === false) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [outcome]);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    if (sending.current) return;
    sending.current = true;
    setBusy(true);
    const element = event.currentTarget;
    const next = await outcomeOf(rules, valuesOf(element, rules), send);
    if (next.sent && clears) element.reset();
    setOutcome((before) => ({ ...next, tries: (before?.tries ?? 0) + 1 }));
    setBusy(false);
    sending.current = false;
  }

  function problem(name: Field): FieldProblem | undefined {
    return outcome?.sent === false ? outcome.fields[name] : undefined;
  }

  return { ref: form, submit, busy, outcome, problem };
}

async function outcomeOf<Field extends string>(
  rules: Rules<Field>,
  values: Values<Field>,
  send: Send<Field>,
): Promise<Outcome<Field>> {
  const wrong = checked(rules, values);
  if (wrong !== null) return { sent: false, fields: wrong, error: null };
  try {
    await send(values);
    return { sent: true };
  } catch (error) {
    return { sent: false, ...failureOf(rules, error) };
  }
}

function valuesOf<Field extends string>(form: HTMLFormElement, rules: Rules<Field>): Values<Field> {
  const data = new FormData(form);
  const entries = namesOf(rules).map((name) => [name, String(data.get(name) ?? "")] as const);
  return Object.fromEntries(entries) as Values<Field>;
}
