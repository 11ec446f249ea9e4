/** What the doctor says: what was looked at, how it is, and what to do. Never holds a secret. */
export interface Finding {
  readonly area: "variables" | "database" | "clock" | "providers" | "accounts" | "keys" | "deployment";
  /** `problem` makes the doctor fail; `note` is worth knowing. */
  readonly level: "ok" | "note" | "problem";
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

const MARK = { ok: "ok     ", note: "note   ", problem: "PROBLEM" };

/** The findings as lines for a terminal, and the sum of them at the end. */
export function report(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ area, level, text, advice }) => [
    `${MARK[level]}  ${area.padEnd(10)}  ${text}`,
    ...(advice === undefined ? [] : [`${" ".repeat(21)}-> ${advice}`]),
  ]);
  const problems = findings.filter(({ level }) => level === "problem").length;
  const sum =
    problems === 0 ? "Nothing is wrong." : `${problems} ${problems === 1 ? "thing is" : "things are"} wrong.`;
  return `${lines.join("\n")}\n\n${sum}\n`;
}
