/** Every value that a provider may change stands in its profile, with date and source, and its page says the same. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { pageOf, withTable } from "../../scripts/fact-tables.ts";
import { readConfig } from "../../src/environment.ts";
import { factText } from "../../src/providers/fact.ts";
import { PROVIDERS } from "../../src/providers/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const secrets = {
  ADMIN_TOKEN: "nQ7vY2mK9xR4tB8wZ3pL6sD1fG5hJ0c",
  ENCRYPTION_KEY: "q83vEjRWeJq83vNKwdDcuhB1dTkZy0Yp7mXcUo2fR4s=",
};
function configOf(variables: Record<string, string>) {
  const result = readConfig({ ...secrets, ...variables });
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.config;
}
const defaults = configOf({});

describe.each(PROVIDERS.map((provider) => [provider.id, provider] as const))("%s", (_, provider) => {
  const facts = provider.facts(defaults);
  const page = readFileSync(pageOf(provider), "utf8");

  test("each fact has a name of its own, a value, and a date that has been", () => {
    expect(new Set(facts.map(({ id }) => id)).size).toBe(facts.length);
    expect(facts.length).toBeGreaterThan(20);
    const today = new Date().toISOString().slice(0, 10);
    for (const { id, what, value, date } of facts) {
      expect(id).toMatch(/^[a-z][a-z0-9-]+$/);
      expect(what, id).toMatch(/^[A-Za-z].{5,}[^.]$/);
      expect(factText(value), id).not.toBe("");
      expect(date, id).toMatch(/^20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$/);
      expect(date <= today, `${id} ${date}`).toBe(true);
    }
  });

  test("each fact's section stands on the provider's page", () => {
    const sections = [...page.matchAll(/^##+ (\d+(?:\.\d+)?)\.? /gm)].map(([, section]) => section);
    expect(facts.filter(({ source }) => !sections.includes(source)).map(({ id }) => id)).toEqual([]);
  });

  test("a variable that a fact names changes what Kleis uses", () => {
    const samples: Record<string, string> = { COPILOT_ENTERPRISE_HOSTS: "git.company.com" };
    for (const { id, value, variable } of facts) {
      if (variable === undefined) continue;
      const isAddress = /^https:/.test(factText(value));
      const sample = samples[variable] ?? (isAddress ? "https://other.example" : "9.8.7");
      const changed = provider.facts(configOf({ [variable]: sample })).find((fact) => fact.id === id);
      expect(factText(changed?.value ?? ""), `${id} ${variable}`).toContain(sample);
    }
  });

  test("every variable of the provider's is a fact's", () => {
    const own = new RegExp(
      `^(${provider.id}|${[...provider.aliases, ...(others[provider.id] ?? [])].join("|")})_`,
      "i",
    );
    const named = new Set<string>(facts.flatMap(({ variable }) => variable ?? []));
    const missing = Object.keys(defaults).filter((name) => own.test(name) && !named.has(name));
    expect(missing).toEqual([]);
  });

  test("each live check that a fact names exists, and each check asks about a fact", () => {
    const named = new Set(facts.flatMap(({ check }) => check ?? []));
    expect([...named].sort()).toEqual(provider.liveChecks.all.map(({ id }) => id).sort());
  });

  test("a live check says what it costs", () => {
    for (const { id, kinds, cost, model } of provider.liveChecks.all) {
      expect(kinds.length, id).toBeGreaterThan(0);
      expect(cost.requests, id).toBeGreaterThan(0);
      // Only what asks a model for an answer is billed.
      expect(cost.tokens > 0, id).toBe(model !== undefined && model.operation !== "count_tokens");
    }
  });

  test("the page's table is the code's: npm run generate", () => {
    expect(page).toBe(withTable(page, provider));
  });
});

/** What variables begin with beside a provider's names. */
const others: Record<string, readonly string[]> = { copilot: ["github"] };

/** The files of a provider's folder that decide. The rest holds facts or names: the profile, its index, the tables of refusals, the changes. */
const FACT_FILES = /^(changes|profile|facts|limits|errors|refusals)\.ts$/;

/** HTTP's own headers. */
const STANDARD = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "content-type",
  "retry-after",
  "user-agent",
]);

/** What in a line of code looks like a fact of a provider's. */
function factsIn(line: string): string[] {
  const texts = [...line.matchAll(/(["'`])((?:\\.|(?!\1).)*)\1/g)].map(([, , text = ""]) => text);
  const looks = texts.filter(
    (text) =>
      !text.includes(" ") &&
      !text.includes("protocols/") &&
      (/[\w-]\.(com|ai|dev|net|io)\b/.test(text) || // a host
        /^\/[a-z]/.test(text) || // a path
        /\d{4}-?\d{2}-?\d{2}/.test(text) || // a version
        /^(sk-|gh[a-z]_|github_pat_|eyJ|rt_|tid=)/.test(text) || // a token's beginning
        /^(x|anthropic|chatgpt|openai)-[a-z-]+$/.test(text.replace("openai-codex", "")) || // a header
        (/^[\w-]{18,}$/.test(text) && /\d/.test(text))), // an id
  );
  const headers = [...line.matchAll(/headers\.(?:get|set|has|append|delete)\("([^"]+)"/g)];
  const keys = [...line.matchAll(/"([a-z]+-[a-z-]+)":/g)].filter(([, key]) => key !== "github-copilot");
  const named = [...headers, ...keys].map(([, name = ""]) => name).filter((name) => !STANDARD.has(name));
  const models = /(startsWith\("|\/\^?\(?(\?:)?)(claude|gpt|chatgpt|codex|gemini|oswe)(-|\\|\/)/.exec(line);
  return [...looks, ...named, ...(models === null ? [] : [models[0]])];
}

test.each([
  ['const url = "https://chatgpt.com/backend-api";'],
  ['net.fetch(api + "/copilot_internal/user")'],
  ['headers.set("x-initiator", "user")'],
  ['headers.get("editor-version")'],
  ['new Headers({ "chatgpt-account-id": id })'],
  ['const version = "2026-06-01";'],
  ['token.startsWith("sk-ant-oat")'],
  ['if (id.startsWith("gpt-")) return'],
  ["return /^claude-/i.test(model)"],
  ['clientId: "Ov23li8tweQw6odWQebz"'],
])("a fact is seen in %s", (line) => {
  expect(factsIn(line)).not.toEqual([]);
});

test("no fact stands beside its profile", () => {
  const found = PROVIDERS.flatMap(({ id }) =>
    readdirSync(join(ROOT, "src/providers", id))
      .filter((name) => !FACT_FILES.test(name))
      .flatMap((name) =>
        readFileSync(join(ROOT, "src/providers", id, name), "utf8")
          .split("\n")
          .filter((line) => !/^\s*(\/?\*|\/\/|import )|^} from /.test(line))
          .flatMap((line) => factsIn(line).map((fact) => `${id}/${name}: ${fact}`)),
      ),
  );
  expect(found).toEqual([]);
});

test("the configuration holds no address of a provider's", () => {
  const source = readFileSync(join(ROOT, "src/config.ts"), "utf8");
  const addresses = [...source.matchAll(/"(https:\/\/[^"]*)"/g)].map(([, address]) => address);
  expect(addresses).toEqual(["https://models.dev/api.json"]);
});
