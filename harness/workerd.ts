/** One bundled script as workerd itself serves it, with nothing in front of it, dated and flagged as wrangler.toml says. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./process.ts";

export interface WorkerdConfig {
  /** The file that `workerd serve` takes; it listens on a free port of the loopback. */
  readonly path: string;
  /** Takes the file and its folder away. */
  remove(): void;
}

/**
 * `bindings` are the variables and secrets that the script finds in its environment; everything that it sends goes through
 * the script `outgoing`, where one is given.
 */
export function writeWorkerdConfig(
  script: string,
  bindings: Record<string, string>,
  outgoing?: string,
): WorkerdConfig {
  const settings = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "([\d-]+)"$/m.exec(settings)?.[1];
  const flags = /^compatibility_flags = (\[.*\])$/m.exec(settings)?.[1];
  const text = (value: string) => JSON.stringify(value);
  const bound = Object.entries(bindings)
    .map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`)
    .join(", ");
  const folder = mkdtempSync(join(tmpdir(), "kleis-workerd-"));
  const path = join(folder, "config.capnp");
  cpSync(script, join(folder, "worker.js"));
  if (outgoing !== undefined) cpSync(outgoing, join(folder, "outgoing.js"));
  const worker = (file: string, more = "") => `(
      modules = [(name = "${file}", esModule = embed "${file}")],
      compatibilityDate = ${text(date ?? "")},
      compatibilityFlags = ${flags ?? "[]"},
      ${more}
    )`;
  const network = outgoing === undefined ? "internet" : "outgoing";
  const services = [
    `(name = "kleis", worker = ${worker("worker.js", `bindings = [${bound}], globalOutbound = "${network}",`)})`,
    `(name = "internet", network = (allow = ["public", "private"]))`,
    ...(outgoing === undefined ? [] : [`(name = "outgoing", worker = ${worker("outgoing.js")})`]),
  ];
  writeFileSync(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")},
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "kleis")],
);
`,
  );
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The program itself: the package's own command starts it behind a process that does not pass signals on. */
export function workerdBinary(): string {
  const { default: path } = createRequire(join(ROOT, "package.json"))("workerd") as { default: string };
  return path;
}
