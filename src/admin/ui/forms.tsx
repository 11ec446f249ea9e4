/** The parts of forms: fields with labels and hints, choices, copyable text. All of them work without a script. */
import type { Child, FC } from "hono/jsx";
import type { FormError } from "./form-error.ts";
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

/** Where a form says what is wrong with it. */
const FORM_ERROR_ID = "form-error";

/** Ties a field to its hint and, where it is the wrong one, to what is said of it. */
export function described(name: string, hintId: string | undefined, error: FormError | undefined) {
  const isWrong = error?.field === name;
  const ids = [hintId, isWrong ? FORM_ERROR_ID : undefined].filter((id) => id !== undefined);
  return {
    ...(ids.length === 0 ? {} : { "aria-describedby": ids.join(" ") }),
    ...(isWrong ? { "aria-invalid": "true" as const } : {}),
  };
}

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
  /** Why the form was not taken: when it is for this field, that is where the owner goes on. */
  error?: FormError | undefined;
}> = ({ id, label, hint, type = "text", value, error, autofocus = false, ...rest }) => (
  <Field id={id} label={label} {...(hint === undefined ? {} : { hint })}>
    <input
      id={id}
      type={type}
      autocomplete="off"
      autocapitalize="none"
      spellcheck={false}
      {...(value === undefined ? {} : { value })}
      autofocus={error?.field === undefined ? autofocus : error.field === rest.name}
      {...described(rest.name, hint === undefined ? undefined : `${id}-hint`, error)}
      {...rest}
    />
  </Field>
);

export interface Choice {
  readonly value: string;
  readonly name: string;
  /** What choosing it means. */
  readonly text?: string | undefined;
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
  error?: FormError | undefined;
}> = ({ id, name, label, hint, choices, chosen, sends, error }) => (
  <Field id={id} label={label} {...(hint === undefined ? {} : { hint })}>
    <select
      id={id}
      name={name}
      {...described(name, hint === undefined ? undefined : `${id}-hint`, error)}
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

/** One of several, each with a line about it; one has to be chosen. */
export const RadioChoices: FC<{
  legend: string;
  name: string;
  choices: readonly Choice[];
  chosen: string | undefined;
}> = ({ legend, name, choices, chosen }) => (
  <fieldset class="choices">
    <legend>{legend}</legend>
    {choices.map(({ value, name: title, text }) => (
      <label class="choice">
        <input type="radio" name={name} value={value} checked={value === chosen} required />
        <span>
          <strong>{title}</strong>
          {text === undefined ? null : <small>{text}</small>}
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
      {choices.map(({ value, name: label, text }) => (
        <label>
          <input type="checkbox" name={name} value={value} checked={chosen.includes(value)} />
          <span>
            {label}
            {text === undefined ? null : <small>{text}</small>}
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
    <span data-copy-label>Copy</span>
  </button>
);

/**
 * Text to be copied: a snippet, a key. While the text has a gap, `fills` is the id of the form that fills it, and stands
 * in place of copying: what cannot be used is not handed out.
 */
export const CodeBlock: FC<{ id: string; title: string; text: string; fills?: string | undefined }> = ({
  id,
  title,
  text,
  fills,
}) => (
  <section class="code" aria-labelledby={`${id}-title`}>
    <div class="code-head">
      <span id={`${id}-title`}>{title}</span>
      {fills === undefined ? (
        <Copy of={id} what={title} />
      ) : (
        <button type="submit" class="copy" form={fills}>
          Fill in the key to copy
        </button>
      )}
    </div>
    <pre id={id} tabindex={0}>
      {text}
    </pre>
  </section>
);

/** Why a form was not taken. */
export const FormErrorMessage: FC<{ text: string | undefined }> = ({ text }) =>
  text === undefined ? null : (
    <div class="notice bad" role="alert" id={FORM_ERROR_ID} data-error>
      <Icon name="alert" />
      <span>{text}</span>
    </div>
  );

/** A form of one button, for what is done at once. */
export const ActionButton: FC<{
  action: string;
  id: string;
  children?: Child;
  kind?: string;
  /** What it says while it takes its time. */
  busy?: string;
}> = ({ action, id, children, kind = "quiet", busy }) => (
  <form method="post" action={action}>
    <button id={id} class={kind} type="submit" data-busy={busy}>
      {children}
    </button>
  </form>
);

export interface FormButtonsProps {
  /** Where leaving the form leads. */
  back: string;
  /** What leaving it is called. */
  leave?: string;
  /** What sending it is called. */
  send: string;
  /** Sending it takes something away: leaving has the focus. */
  isDanger?: boolean;
}

/** The end of a form in a panel: leave it, or send it. */
export const FormButtons: FC<FormButtonsProps> = ({ back, leave = "Cancel", send, isDanger = false }) => (
  <div class="row end">
    <a class="button" href={back} data-close autofocus={isDanger}>
      {leave}
    </a>
    <button class={isDanger ? "primary danger" : "primary"} type="submit">
      {send}
    </button>
  </div>
);
