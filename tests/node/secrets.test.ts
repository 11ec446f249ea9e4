/** The secrets file as its readers read it: Kleis, a shell, Docker, systemd; and files of earlier versions. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureSecrets, readSecrets, SECRETS_FILE } from "../../adapters/node/secrets.ts";
import { readSettings } from "../../adapters/node/settings.ts";
import { testKeyOf } from "../../harness/secrets.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kleis-secrets-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = () => join(folder, SECRETS_FILE);

/** Docker's `--env-file` and systemd's simplest lines: what is behind the first equals sign, to the letter. */
function toTheLetter(source: string): Record<string, string> {
  const lines = source.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

test("every reader reads the same, for any secrets", () => {
  for (let round = 0; round < 20; round++) {
    rmSync(path(), { force: true });
    const { ADMIN_TOKEN, ENCRYPTION_KEY } = ensureSecrets(folder);
    const source = readFileSync(path(), "utf8");
    expect(parseEnv(source)).toEqual({ ADMIN_TOKEN, ENCRYPTION_KEY });
    expect(toTheLetter(source)).toEqual({ ADMIN_TOKEN, ENCRYPTION_KEY });
    expect(readSecrets(folder)).toEqual({ ADMIN_TOKEN, ENCRYPTION_KEY });
    if (round > 0) continue;
    const shell = execFileSync("sh", [
      "-c",
      `. "$0"; printf '%s %s' "$ADMIN_TOKEN" "$ENCRYPTION_KEY"`,
      path(),
    ]);
    expect(shell.toString()).toBe(`${ADMIN_TOKEN} ${ENCRYPTION_KEY}`);
  }
});

const TOKEN = "kadm_6b1f0c9e2d7a4583-Qz7TnW0y";
const KEY = testKeyOf("five");

test.each([
  [
    "double quotes, as the first version wrote it",
    `# Made\nADMIN_TOKEN="${TOKEN}"\nENCRYPTION_KEY="${KEY}"\n`,
  ],
  ["single quotes", `ADMIN_TOKEN='${TOKEN}'\nENCRYPTION_KEY='${KEY}'\n`],
  ["line ends of Windows", `ADMIN_TOKEN=${TOKEN}\r\nENCRYPTION_KEY="${KEY}"\r\n`],
  ["a byte order mark", `\uFEFFADMIN_TOKEN=${TOKEN}\nENCRYPTION_KEY=${KEY}`],
  ["export, for a shell", `export ADMIN_TOKEN="${TOKEN}"\nexport ENCRYPTION_KEY=${KEY}\n`],
])("a file with %s is read, also by a container that keeps the quotes", (_, source) => {
  writeFileSync(path(), source);
  const config = { ADMIN_TOKEN: TOKEN, ENCRYPTION_KEY: [KEY] };
  expect(readSettings({}, readSecrets(folder))).toMatchObject({ ok: true, settings: { config } });
  const letters = toTheLetter(source.replace(/^\uFEFF/, "").replace(/^export /gm, ""));
  expect(readSettings(letters, null)).toMatchObject({ ok: true, settings: { config } });
});

test("a file that lacks one is refused by its name", () => {
  writeFileSync(path(), `ADMIN_TOKEN=${TOKEN}\n`);
  expect(readSettings({}, readSecrets(folder))).toEqual({
    ok: false,
    problems: ["ENCRYPTION_KEY is not set"],
  });
});
