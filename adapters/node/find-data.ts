/** Looks for the data folder that was meant, where the one that is named is new: an empty Kleis must not come as a surprise. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { plainValue } from "../../src/variables.ts";
import { SECRETS_FILE } from "./secrets.ts";
import { DATABASE_FILE, DEFAULT_FOLDER } from "./settings.ts";

/** Beside the bundle's folder, or two above this file. */
const PROGRAM_FOLDERS = [join(import.meta.dirname, ".."), join(import.meta.dirname, "../..")];

/** Whether a folder holds the data of a Kleis. */
export function holdsData(folder: string): boolean {
  return [DATABASE_FILE, SECRETS_FILE].some((name) => existsSync(join(folder, name)));
}

/**
 * Folders with the data of a Kleis whose name is nearly `folder`'s (blanks, quotes, case, dots), or which are the same
 * relative path seen from another working folder. `given` is KLEIS_DATA_DIR as it was set.
 */
export function nearbyData(folder: string, given: string | undefined): string[] {
  const named = plainValue(given ?? "") || DEFAULT_FOLDER;
  const home = homedir();
  const inHome = relative(home, folder);
  const places = [
    // As it was set, to the letter: earlier versions took it so.
    ...(given ? [resolve(given)] : []),
    ...likeNamed(folder),
    // A literal `~` that no shell expanded.
    ...(inHome.startsWith("..") || isAbsolute(inHome) ? [] : [resolve("~", inHome)]),
    ...(isAbsolute(named)
      ? []
      : [...PROGRAM_FOLDERS, ...above(process.cwd()), home].map((each) => resolve(each, named))),
  ];
  return [...new Set(places)].filter((place) => place !== folder && holdsData(place));
}

function likeNamed(folder: string): string[] {
  const parent = dirname(folder);
  const wanted = looseName(basename(folder));
  try {
    return readdirSync(parent)
      .filter((name) => looseName(name) === wanted)
      .map((name) => join(parent, name));
  } catch {
    return [];
  }
}

function looseName(name: string): string {
  return name
    .normalize("NFC")
    .toLowerCase()
    .replace(/^[\s"'.]+|[\s"'.]+$/g, "");
}

function above(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [] : [parent, ...above(parent)];
}
