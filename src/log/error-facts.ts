/** What the log may hold of an unexpected error: its kind and where it was thrown, never its message. */
import type { LogFields } from "../runtime.ts";

/** How many frames of a stack are logged, and how many characters of each. */
const MAX_FRAMES = 6;
const MAX_FRAME_LENGTH = 200;

/** Without the message, which may quote a body or a secret. */
export function errorFacts(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: `a thrown ${typeof error}` };
  const code = "code" in error ? String(error.code) : "";
  return {
    error: isName(error.name) ? error.name : "Error",
    ...(isName(code) ? { code } : {}),
    stack: framesOf(error),
  };
}

function isName(text: string): boolean {
  return /^\w{1,60}$/.test(text);
}

/** The lines of the stack below the message, innermost first. */
function framesOf({ message, stack = "" }: Error): string {
  const at = stack.indexOf(message);
  if (at < 0) return "";
  const lines = stack.slice(at + message.length).split("\n");
  const frames = lines.map((line) => line.trim()).filter((line) => line.startsWith("at "));
  return frames
    .slice(0, MAX_FRAMES)
    .map((frame) => frame.slice(0, MAX_FRAME_LENGTH))
    .join(" | ");
}
