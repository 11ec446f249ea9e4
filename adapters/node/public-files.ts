/** The few public files, which the hosts of the other adapters serve themselves: read once, served without the core. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

const TYPES: Record<string, string> = {
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".ico": "image/x-icon",
  ".png": "image/png",
};

/** Beside the bundle's folder, or two above this file. */
const FOLDERS = [join(import.meta.dirname, "../public"), join(import.meta.dirname, "../../public")];

export type PublicFiles = (request: Request) => Response | null;

/** Answers GET and HEAD of a file's own path; null for everything else. */
export function readPublicFiles(): PublicFiles {
  const folder = FOLDERS.find((each) => existsSync(each));
  const files = new Map<string, { bytes: Uint8Array<ArrayBuffer>; type: string }>();
  for (const name of folder === undefined ? [] : readdirSync(folder)) {
    const type = TYPES[extname(name)];
    if (folder === undefined || type === undefined) continue;
    files.set(`/${name}`, { bytes: new Uint8Array(readFileSync(join(folder, name))), type });
  }
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return null;
    const file = files.get(new URL(request.url).pathname);
    if (file === undefined) return null;
    return new Response(request.method === "HEAD" ? null : file.bytes, {
      headers: { "content-type": file.type, "cache-control": "public, max-age=3600" },
    });
  };
}
