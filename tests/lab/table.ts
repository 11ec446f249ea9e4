/** Agent by scenario by door, as text. */

export type Verdict =
  | { is: "ok" }
  | { is: "failed"; reason: string }
  | { is: "not applicable"; reason: string };

export interface Cell {
  /** Agent and protocol. */
  readonly row: string;
  readonly scenario: string;
  readonly door: string;
  readonly verdict: Verdict;
}

export const OK: Verdict = { is: "ok" };

export function failed(reason: string): Verdict {
  return { is: "failed", reason };
}

export function notApplicable(reason: string): Verdict {
  return { is: "not applicable", reason };
}

const MARKS = { failed: "F", "not applicable": "n" } as const;

/** A cell of the text holds one mark for each door; reasons are numbered below. `?` is what was not run. */
export function renderTable(cells: readonly Cell[]): string {
  const each = (key: "row" | "scenario" | "door") => [...new Set(cells.map((cell) => cell[key]))];
  const [rows, scenarios, doors] = [each("row"), each("scenario"), each("door")];
  const reasons: string[] = [];
  const usedTokenMark = (verdict: Verdict | undefined): string => {
    if (verdict === undefined) return "?";
    if (verdict.is === "ok") return "ok";
    const reason = `${verdict.is}: ${verdict.reason}`;
    if (!reasons.includes(reason)) reasons.push(reason);
    return `${MARKS[verdict.is]}${reasons.indexOf(reason) + 1}`;
  };
  const lines = [
    ["agent", ...scenarios],
    ...rows.map((row) => [
      row,
      ...scenarios.map((scenario) =>
        doors
          .map((door) =>
            cells.find((cell) => cell.row === row && cell.scenario === scenario && cell.door === door),
          )
          .map((cell) => usedTokenMark(cell?.verdict))
          .join(" "),
      ),
    ]),
  ];
  const count = (is: Verdict["is"]) => cells.filter(({ verdict }) => verdict.is === is).length;
  return [
    `Each cell: ${doors.join(", ")}`,
    "",
    ...aligned(lines),
    "",
    `${count("ok")} ok, ${count("failed")} failed, ${count("not applicable")} not applicable`,
    ...reasons.map((reason, at) => `${at + 1}  ${reason}`),
    "",
  ].join("\n");
}

function aligned(lines: readonly string[][]): string[] {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((part, at) => part.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [text[0] ?? "", widths.map((width) => "-".repeat(width)).join("  "), ...text.slice(1)];
}
