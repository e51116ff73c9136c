import { useId } from "react";

interface ChoiceProps<Value extends string> {
  label: string;
  options: readonly { readonly value: Value; readonly label: string; readonly lang?: string }[];
  chosen: Value;
  onChoose: (value: Value) => void;
}

/** A few options of which one holds: radio buttons that look like one control. */
export function Choice<Value extends string>({ label, options, chosen, onChoose }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <fieldset className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
      <legend className="float-left font-medium text-sm">{label}</legend>
      <div className="inline-flex gap-1 rounded-xl border border-line bg-surface p-1">
        {options.map((option) => (
          <label
            key={option.value}
            lang={option.lang}
            className="target relative inline-flex items-center justify-center rounded-lg border border-transparent px-3 text-muted text-sm transition-colors hover:text-ink has-checked:border-line has-checked:bg-raised has-checked:font-medium has-checked:text-ink"
          >
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === chosen}
              onChange={() => onChoose(option.value)}
              className="absolute inset-0 cursor-pointer appearance-none rounded-lg"
            />
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
