/** What `npm start`, `npm run demo` and `npm run rotate-keys` do between a signal and the end of their child. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { ENDING_SIGNALS } from "../../adapters/node/shutdown.ts";

const SCRIPT = pathToFileURL(`${import.meta.dirname}/../../scripts/pass-signals.mjs`).href;
const HERE = ENDING_SIGNALS.filter((signal) => signal in constants.signals);

/** Takes its time to end, as a server does while a token is being renewed, and ends with 7. */
const CHILD = `
  const keep = setInterval(() => {}, 1000);
  for (const signal of ${JSON.stringify(HERE)})
    process.on(signal, () => { console.log("child got " + signal); setTimeout(() => process.exit(7), 50); });
  console.log("child " + process.pid);`;
const PARENT = `
  import { spawn } from "node:child_process";
  import { passSignals } from ${JSON.stringify(SCRIPT)};
  passSignals(spawn(process.execPath, ["-e", ${JSON.stringify(CHILD)}], { stdio: "inherit" }));`;

async function started() {
  const parent = spawn(process.execPath, ["--input-type=module", "-e", PARENT], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  const exit = once(parent, "exit");
  parent.stdout.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  while (!/child \d+/.test(said)) await once(parent.stdout, "data");
  return { parent, exit, said: () => said, child: Number(/child (\d+)/.exec(said)?.[1]) };
}

test("the server and its starters know the same signals", async () => {
  const passed: { ENDING_SIGNALS: string[] } = await import(SCRIPT);
  expect(passed.ENDING_SIGNALS).toEqual(ENDING_SIGNALS);
});

describe.concurrent("a starter", () => {
  test.each(HERE)("passes %s on, waits, and ends with its child's code", async (signal) => {
    const { parent, exit, said } = await started();
    parent.kill(signal);
    expect(await exit).toEqual([7, null]);
    expect(said()).toContain(`child got ${signal}`);
  });

  test("whose child is killed does not call that an end in order", async () => {
    const { exit, child } = await started();
    process.kill(child, "SIGKILL");
    expect(await exit).toEqual([128 + 9, null]);
  });
});
