/** Case by door: what was shown where, and why not where it was not. */
import { type Case, DOOR_NAMES, type DoorName } from "./case.ts";

export type Cell = "ok" | "FAIL" | { skipped: string };

export class Table {
  readonly #cells = new Map<string, Cell>();

  set(door: DoorName, each: Case, cell: Cell): void {
    this.#cells.set(`${door} ${each.area} ${each.name}`, cell);
  }

  /** As text. A case that a door was never asked for shows as `?`. */
  render(cases: readonly Case[]): string {
    const reasons: string[] = [];
    const cellOf = (door: DoorName, each: Case): string => {
      const cell = this.#cells.get(`${door} ${each.area} ${each.name}`);
      if (cell === undefined) return "?";
      if (typeof cell === "string") return cell;
      if (!reasons.includes(cell.skipped)) reasons.push(cell.skipped);
      return `skip ${reasons.indexOf(cell.skipped) + 1}`;
    };
    const rows = cases.map((each) => [each.area, each.name, ...DOOR_NAMES.map((door) => cellOf(door, each))]);
    const head = ["area", "case", ...DOOR_NAMES];
    const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
    const line = (row: readonly string[]) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd();
    const count = DOOR_NAMES.map((door) => {
      const shown = cases.filter((each) => cellOf(door, each) === "ok").length;
      return `${door} ${shown} of ${cases.length}`;
    });
    return [
      line(head),
      line(widths.map((width) => "-".repeat(width))),
      ...rows.map(line),
      "",
      `shown: ${count.join(", ")}`,
      ...reasons.map((reason, at) => `skip ${at + 1}: ${reason}`),
      "",
    ].join("\n");
  }
}
