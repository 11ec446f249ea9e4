/** Variables as shells, container engines and dashboards hand them over, and what makes any value unusable. Pure. */

export type Variables = Readonly<Record<string, string | undefined>>;

/** Without white space around it, and without the pair of quotes that `docker --env-file` and dashboards keep. */
export function plainValue(value: string): string {
  const trimmed = value.trim();
  const [, quote = "", inner = ""] = /^(["'])(.*)\1$/s.exec(trimmed) ?? [];
  return quote !== "" && !inner.includes(quote) ? inner.trim() : trimmed;
}

/** All of them in that form. */
export function plainVariables(given: Variables): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, value === undefined ? value : plainValue(value)]),
  );
}

/** Why a plain value of any variable cannot be what was meant, in words that follow its name; null when it can. */
export function flawOf(value: string): string | null {
  if (/^["']|["']$/.test(value)) return "has quotation marks that do not belong to it: write it without";
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value))
    return "holds an invisible character or a line break: write it again by hand, on one line";
  return null;
}

/** Whether an HTTP header can carry the text as a token: printable ASCII without blanks. */
export function isSendable(value: string): boolean {
  return /^[\x21-\x7e]*$/.test(value);
}
