/** One line on where the figures come from, without which they mean nothing. */
import { spawnSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";
import { workerdBinary } from "../harness/workerd.ts";

export function machine(): string {
  const [cpu] = cpus();
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  const workerd = spawnSync(workerdBinary(), ["--version"], { encoding: "utf8" }).stdout.trim();
  return `${cpus().length} x ${cpu?.model.trim() ?? "unknown processor"}, ${gigabytes} GB, Node ${process.version}, ${workerd}, load ${load()}`;
}

/** Of the last minute, the last five and the last fifteen. */
export function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(" ");
}
