/** A call of one of an agent's own tools that makes it read a file. */
import type { DeclaredTool, ToolCall } from "../fakes/scenarios/ask.ts";
import { sampleCall } from "../fakes/scenarios/ask.ts";

/** What an agent's tool for reading files is called, in order of preference; a shell will do where it has none. */
const TOOLS = [/(^|_)(read|view)(_?files?)?$/i, /(shell|bash|exec|terminal|command)/i];

const PATHS = /^(absolute_?|file_?|target_?)?(path|file)s?$|^(file)(path|name)$/i;
const COMMANDS = /^(cmd|command|script)s?$/i;

/** Null where no tool can be made to read it. `file` is an absolute path without blanks. */
export function readingCall(tools: readonly DeclaredTool[], file: string): ToolCall | null {
  const functions = tools.filter(({ kind }) => kind === "function");
  for (const pattern of TOOLS) {
    for (const tool of functions.filter(({ name }) => pattern.test(name))) {
      const sample = sampleCall(tool).arguments;
      const filled = fill(sample, "", file) as ToolCall["arguments"];
      if (JSON.stringify(filled).includes(file)) return { tool, arguments: filled };
    }
  }
  return null;
}

/** The sample with the path or the command where its schema wants one. */
function fill(value: unknown, key: string, file: string): unknown {
  if (Array.isArray(value)) {
    const isWords =
      COMMANDS.test(key) && !key.endsWith("s") && value.every((entry) => typeof entry === "string");
    return isWords ? ["cat", file] : value.map((entry) => fill(entry, key, file));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, fill(member, name, file)]),
    );
  }
  if (typeof value !== "string") return value;
  if (PATHS.test(key)) return file;
  return COMMANDS.test(key) ? `cat ${file}` : value;
}
