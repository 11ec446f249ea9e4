/** Child processes of the scripts. Never through a shell, so paths may hold blanks; a program that cannot start is an error in words. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Prints the words and ends this process with code 1. */
export function fail(words) {
  process.stderr.write(`${words}\n`);
  process.exit(1);
}

/** Runs a program with this terminal's streams to its end; returns its exit code. Ends this process when it cannot start. */
export function exitCodeOf(file, args) {
  const { error, status, signal } = spawnSync(file, args, { cwd: ROOT, stdio: "inherit" });
  if (error !== undefined) fail(cannotStart(file, error));
  return status ?? (signal === null ? 1 : 128);
}

/** Runs a program to its end; ends this process when it fails. */
export function run(file, args) {
  const code = exitCodeOf(file, args);
  if (code !== 0) process.exit(code);
}

/** Starts a program that goes on beside this process. Ends this process when it cannot start. */
export function launch(file, args) {
  const child = spawn(file, args, { cwd: ROOT, stdio: "inherit" });
  child.on("error", (error) => {
    // Also raised for a signal that could not be delivered, which is not a failed start.
    if (child.pid === undefined) fail(cannotStart(file, error));
  });
  return child;
}

function cannotStart(file, error) {
  return `${file} cannot be started (${error.code ?? error.message}).`;
}
