/**
 * Writes the tables "Facts that may change" at the end of `docs/providers/*.md` from each provider's `facts.ts`.
 * Part of `npm run generate`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Config } from "../src/config.ts";
import { readConfig } from "../src/environment.ts";
import { type Fact, factText } from "../src/providers/fact.ts";
import { PROVIDERS } from "../src/providers/index.ts";
import type { Provider } from "../src/providers/provider.ts";

const HEADING = "## Facts that may change";
/** Characters of a value that a table shows. */
const SHOWN = 120;

export function pageOf(provider: Provider): URL {
  return new URL(`../docs/providers/${provider.id}.md`, import.meta.url);
}

/** The page with the table at its end. */
export function withTable(page: string, provider: Provider): string {
  const [before = ""] = page.split(`\n${HEADING}\n`);
  return `${before.trimEnd()}\n\n${HEADING}\n\n${tableOf(provider)}`;
}

function tableOf(provider: Provider): string {
  const rows = provider.facts(defaults()).map(rowOf);
  return [
    `Written by \`npm run generate\` from \`src/providers/${provider.id}/facts.ts\`; the values stand in \`profile.ts\`. A value is what Kleis uses as long as no variable says otherwise. \`npm run doctor -- --live\` runs the live checks.`,
    "",
    "| Fact | Value | Date | Confidence | Section | Variable | Live check |",
    "|---|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function rowOf({ what, value, date, confidence, source, variable, check = "none" }: Fact): string {
  const cells = [
    what,
    code(value),
    date,
    confidence,
    `§${source}`,
    variable ? `\`${variable}\`` : "none",
    check,
  ];
  return `| ${cells.join(" | ")} |`;
}

function code(value: Fact["value"]): string {
  const text = factText(value);
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text;
  return shown === "" ? "nothing" : `\`${shown.replaceAll("|", "\\|")}\``;
}

/** The configuration where nothing but what is required is set. */
function defaults(): Config {
  const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");
  const result = readConfig({ ADMIN_TOKEN: random(), ENCRYPTION_KEY: random() });
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.config;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const provider of PROVIDERS) {
    const page = pageOf(provider);
    writeFileSync(page, withTable(readFileSync(page, "utf8"), provider));
  }
}
