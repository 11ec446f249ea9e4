import { expect, test } from "vitest";
import { type Cell, failed, notApplicable, OK, renderTable, type Verdict } from "./table.ts";

const cell = (row: string, scenario: string, door: string, verdict: Verdict): Cell => ({
  row,
  scenario,
  door,
  verdict,
});

test("one mark for each door, with numbered reasons that are said once", () => {
  const silent = failed("it says nothing");
  const table = renderTable([
    cell("pi chat", "text", "node", OK),
    cell("pi chat", "text", "workerd", silent),
    cell("pi chat", "cut stream", "node", notApplicable("it has none")),
    cell("codex responses", "text", "node", silent),
    cell("codex responses", "text", "workerd", OK),
    cell("codex responses", "cut stream", "node", OK),
    cell("codex responses", "cut stream", "workerd", failed("it repeats")),
  ]);
  expect(table).toBe(`Each cell: node, workerd

agent            text   cut stream
---------------  -----  ----------
pi chat          ok F1  n2 ?
codex responses  F1 ok  ok F3

3 ok, 3 failed, 1 not applicable
1  failed: it says nothing
2  not applicable: it has none
3  failed: it repeats
`);
});

test("a run that was stopped before its first cell has a table as well", () => {
  expect(renderTable([])).toContain("0 ok, 0 failed, 0 not applicable");
});
