/** Runs the lab where nothing but the loopback can be reached, as far as this machine allows it (Linux, `unshare`). */
import { spawnSync } from "node:child_process";

export interface Isolation {
  /** For the report. */
  readonly words: string;
  /** What goes in front of a command. */
  readonly prefix: readonly string[];
}

const NETWORK = "agents reach the loopback only";
const PROCESSES = ["--pid", "--fork", "--kill-child", "--mount-proc"];
const USER = ["--user", "--map-root-user"];

/** Best first. With processes of its own nothing that an agent leaves running outlives the lab. */
const WAYS: readonly Isolation[] = [
  [...PROCESSES, "--net"],
  [...USER, ...PROCESSES, "--net"],
  ["--net"],
  [...USER, "--net"],
].map((flags) => ({
  words: flags.includes("--pid") ? `${NETWORK}, and end with the lab` : NETWORK,
  prefix: ["unshare", ...flags, "--", "sh", "-c", 'ip link set lo up && exec "$@"', "lab"],
}));

const NO_ISOLATION: Isolation = {
  words: "this machine allows no network of their own: agents could reach the internet",
  prefix: [],
};

export function findIsolation(): Isolation {
  return (
    WAYS.find(({ prefix: [file = "", ...args] }) => spawnSync(file, [...args, "true"]).status === 0) ??
    NO_ISOLATION
  );
}
