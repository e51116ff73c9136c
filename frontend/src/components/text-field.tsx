import { type ComponentProps, useId } from "react";

interface TextFieldProps extends ComponentProps<"input"> {
  label: string;
  hint?: string | undefined;
  /** What is wrong with it, one sentence each. */
  errors?: readonly string[] | undefined;
}

/** A labelled input; its hint and errors are read with it. */
export function TextField({ label, hint, errors = [], className = "", ...rest }: TextFieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, errors.length > 0 && `${id}-errors`].filter(Boolean).join(" ");
  return (
    <div className={`flex flex-col gap-1.5 ${className}`}>
      <label htmlFor={id} className="font-medium text-sm">
        {label}
      </label>
      <input
        id={id}
        aria-invalid={errors.length > 0}
        aria-describedby={described || undefined}
        {...rest}
        className="target rounded-lg border border-line bg-raised px-3 py-2 text-base text-ink placeholder:text-muted aria-invalid:border-danger"
      />
      {hint && (
        <p id={`${id}-hint`} className="text-muted text-sm">
          {hint}
        </p>
      )}
      {errors.length > 0 && (
        <p id={`${id}-errors`} className="text-danger text-sm">
          {errors.join(" ")}
        </p>
      )}
    </div>
  );
}
