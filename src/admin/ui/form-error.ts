/** Why a form was not taken, in the page's words: the admin API names its own fields, a person sees labels. Pure. */

export interface FormError {
  readonly text: string;
  /** The name of the form's field that is wrong, where one is. */
  readonly field?: string | undefined;
}

export interface FormField {
  /** What the page calls it. */
  readonly label: string;
  /** Its name in the form, where that is not the API's. */
  readonly field?: string;
  /** Said instead of the API's sentence, where that speaks to a program. */
  readonly text?: string;
}

/** A form's fields by the API's names for them. */
export type FormFields = Readonly<Record<string, FormField>>;

/** How the API's sentences go on whose subject is the field. */
const PREDICATE = /^(must|is|has|holds|describes)\b/;

export function formErrorOf(
  { message, param = "" }: { message: string; param?: string | undefined },
  fields: FormFields,
): FormError {
  const wrong = fields[param];
  const field = wrong === undefined ? undefined : (wrong.field ?? param);
  if (wrong?.text !== undefined) return { text: wrong.text, field };
  const isNamed = param !== "" && message.startsWith(`${param}: `);
  const rest = isNamed ? message.slice(param.length + 2) : message;
  const subject = isNamed && wrong !== undefined && PREDICATE.test(rest) ? `${quoted(wrong)} ` : "";
  let text = subject + rest;
  for (const [name, each] of Object.entries(fields)) {
    // Of one word they may be a word of the sentence.
    if (name.includes("_")) text = text.replaceAll(name, quoted(each));
  }
  return { text: text.charAt(0).toUpperCase() + text.slice(1), field };
}

function quoted({ label }: FormField): string {
  return `“${label}”`;
}
