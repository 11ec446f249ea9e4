/** The reference pages name everything that they are the reference of. */
import { describe, expect, test } from "vitest";
import { testKeyOf } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";
import { ERROR_STATUS } from "../../src/errors.ts";
import { files, textOf } from "./pages.ts";

const sources = files.filter((file) => /^(src|adapters)\/.*\.tsx?$/.test(file) && !file.includes(".gen."));

describe("docs/configuration.md", () => {
  const page = textOf("docs/configuration.md");
  const rows = new Set([...page.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name = ""]) => name));
  const result = readConfig({
    ADMIN_TOKEN: "reference-tests-8d1f4a7c2b960e35",
    ENCRYPTION_KEY: testKeyOf("reference"),
  });
  const ofRuntimes = sources
    .filter((file) => file.startsWith("adapters/"))
    .flatMap((file) => [...textOf(file).matchAll(/\b(?:variables|environment|env)\.([A-Z][A-Z0-9_]{3,})\b/g)])
    .map(([, name = ""]) => name);

  test("has every variable of the configuration", () => {
    const names = Object.keys(result.ok ? result.config : {});
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter((name) => !rows.has(name) && name !== "CLAUDE_USER_AGENT")).toEqual([]);
    expect(rows).toContain("CLAUDE_USER_AGENT");
  });

  test("has every variable that a runtime reads", () => {
    // Passed on to the database's thread, or set by npm and hosts.
    const foreign = new Set(["NODE_OPTIONS"]);
    expect([...new Set(ofRuntimes)].length).toBeGreaterThan(5);
    expect([...new Set(ofRuntimes)].filter((name) => !rows.has(name) && !foreign.has(name))).toEqual([]);
  });
});

describe("docs/errors.md", () => {
  const page = textOf("docs/errors.md");

  test("has every code that Kleis answers with, beside its status", () => {
    const said = sources
      .filter((file) => file !== "src/errors.ts")
      .map(textOf)
      .join("\n");
    const used = Object.entries(ERROR_STATUS).filter(([code]) => said.includes(`"${code}"`));
    expect(used.length).toBeGreaterThan(20);
    const missing = used.filter(
      ([code, status]) => !new RegExp(`^\\| ${status} \\|.*\`${code}\``, "m").test(page),
    );
    expect(missing).toEqual([]);
  });
});

describe("docs/request-changes.md", () => {
  const page = textOf("docs/request-changes.md");

  test("has every name of a change that a provider or the model's name makes", () => {
    const declared = files.filter((file) =>
      /^src\/(protocols\/body|providers\/[^/]+\/changes)\.ts$/.test(file),
    );
    const names = declared.flatMap((file) =>
      [...textOf(file).matchAll(/^ +"([\w-]+)": true;$/gm)].map(([, name = ""]) => name),
    );
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
