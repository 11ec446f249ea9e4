/** The parts of forms: fields with labels and hints, choices, copyable text. All of them work without a script. */
import type { Child, FC } from "hono/jsx";
import { Icon } from "./icons.tsx";

export const Field: FC<{ id: string; label: string; hint?: string; children?: Child }> = ({
  id,
  label,
  hint,
  children,
}) => (
  <div class="field">
    <label for={id}>{label}</label>
    {children}
    {hint === undefined ? null : (
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    )}
  </div>
);

export const TextField: FC<{
  id: string;
  name: string;
  label: string;
  hint?: string;
  value?: string | undefined;
  type?: "text" | "password" | "search" | "date" | "number";
  placeholder?: string;
  required?: boolean;
  autofocus?: boolean;
  maxlength?: number;
}> = ({ id, label, hint, type = "text", value, ...rest }) => (
  <Field id={id} label={label} {...(hint === undefined ? {} : { hint })}>
    <input
      id={id}
      type={type}
      autocomplete="off"
      autocapitalize="none"
      spellcheck={false}
      {...(value === undefined ? {} : { value })}
      {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
      {...rest}
    />
  </Field>
);

export interface Choice {
  readonly value: string;
  readonly name: string;
  /** What choosing it means. */
  readonly words?: string | undefined;
}

export const SelectField: FC<{
  id: string;
  name: string;
  label: string;
  hint?: string;
  choices: readonly Choice[];
  chosen?: string | undefined;
  /** Sends the form as soon as another is chosen, where the script runs. */
  sends?: boolean;
}> = ({ id, name, label, hint, choices, chosen, sends }) => (
  <Field id={id} label={label} {...(hint === undefined ? {} : { hint })}>
    <select
      id={id}
      name={name}
      {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
      {...(sends ? { "data-sends": true } : {})}
    >
      {choices.map((choice) => (
        <option value={choice.value} selected={choice.value === chosen}>
          {choice.name}
        </option>
      ))}
    </select>
  </Field>
);

/** One of several, each with a line about it. */
export const RadioChoices: FC<{
  legend: string;
  name: string;
  choices: readonly Choice[];
  chosen: string | undefined;
}> = ({ legend, name, choices, chosen }) => (
  <fieldset class="choices">
    <legend>{legend}</legend>
    {choices.map(({ value, name: title, words }) => (
      <label class="choice">
        <input type="radio" name={name} value={value} checked={value === chosen} />
        <span>
          <strong>{title}</strong>
          {words === undefined ? null : <small>{words}</small>}
        </span>
      </label>
    ))}
  </fieldset>
);

/** Any of several; none chosen means all, which the summary says. */
export const LimitChoices: FC<{
  title: string;
  all: string;
  name: string;
  choices: readonly Choice[];
  chosen: readonly string[];
}> = ({ title, all, name, choices, chosen }) => (
  <details class="limit" open={chosen.length > 0}>
    <summary>
      <span>{title}</span>
      <small>{all}</small>
    </summary>
    <fieldset class="checks">
      <legend class="unseen">{title}</legend>
      {choices.map(({ value, name: label, words }) => (
        <label>
          <input type="checkbox" name={name} value={value} checked={chosen.includes(value)} />
          <span>
            {label}
            {words === undefined ? null : <small>{words}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  </details>
);

/** A button that copies the text of the element with the id `of`. Shown only where the script runs. */
export const Copy: FC<{ of: string; what: string }> = ({ of, what }) => (
  <button type="button" class="copy js-only" data-copy={of} aria-label={`Copy ${what}`}>
    <Icon name="copy" />
    <span data-copy-words>Copy</span>
  </button>
);

/** Text to be copied: a snippet, a key. */
export const CodeBlock: FC<{ id: string; title: string; text: string }> = ({ id, title, text }) => (
  <section class="code" aria-labelledby={`${id}-title`}>
    <div class="code-head">
      <span id={`${id}-title`}>{title}</span>
      <Copy of={id} what={title} />
    </div>
    <pre id={id} tabindex={0}>
      {text}
    </pre>
  </section>
);

/** Why a form was not taken. */
export const Refused: FC<{ words: string | undefined }> = ({ words }) =>
  words === undefined ? null : (
    <div class="said bad" role="alert" data-refused>
      <Icon name="alert" />
      <span>{words}</span>
    </div>
  );

/** A form of one button, for what is done at once. */
export const Do: FC<{ action: string; id: string; children?: Child; kind?: string }> = ({
  action,
  id,
  children,
  kind = "quiet",
}) => (
  <form method="post" action={action}>
    <button id={id} class={kind} type="submit">
      {children}
    </button>
  </form>
);
