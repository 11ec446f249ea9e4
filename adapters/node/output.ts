/**
 * Standard output and standard error of a process that must outlive them. A terminal that closed, a pipe without a
 * reader or a full disk costs the text and nothing else; said once, on the other stream.
 */
export type OutputName = "stdout" | "stderr";

/** The most text that waits for a reader who does not read, in bytes; what comes on top is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** How long the end of the process waits for text that is not out yet, ms. */
const FLUSH_MS = 1_000;

const OTHER: Record<OutputName, OutputName> = { stdout: "stderr", stderr: "stdout" };

const guarded = new Set<OutputName>();
const failed = new Set<OutputName>();

/** Writes without ever throwing. False when the stream took nothing, because it is broken or has no reader. */
export function write(name: OutputName, text: string): boolean {
  for (const each of ["stdout", "stderr"] as const) guard(each);
  try {
    const stream = process[name];
    if (stream.writableLength > MAX_WAITING_BYTES) return false;
    stream.write(text);
    return true;
  } catch (error) {
    report(name, error);
    return false;
  }
}

/** Ends the process once its output is written, or a second later. */
export async function exit(code: number): Promise<never> {
  const late = new Promise<void>((done) => setTimeout(done, FLUSH_MS));
  await Promise.race([Promise.all([flushed("stdout"), flushed("stderr")]), late]);
  process.exit(code);
}

/** A stream reports most failures as an event, which ends the process where there is no listener. */
function guard(name: OutputName): void {
  if (guarded.has(name)) return;
  guarded.add(name);
  try {
    process[name].on("error", (error) => report(name, error));
  } catch (error) {
    // Even getting hold of it fails for a terminal that is gone.
    report(name, error);
  }
}

function report(name: OutputName, error: unknown): void {
  if (failed.has(name)) return;
  failed.add(name);
  const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
  const what = name === "stdout" ? "its standard output" : "its log, the standard error";
  write(OTHER[name], `Kleis cannot write to ${what}${reason}, and goes on without it.\n`);
}

function flushed(name: OutputName): Promise<void> {
  return new Promise((done) => {
    try {
      if (process[name].writableLength === 0) done();
      else process[name].write("", () => done());
    } catch {
      done();
    }
  });
}
