/** Copies the text that a button names, and confirms it on the button for a moment. */
import { say } from "./live.ts";

const SHOWN_MS = 2000;

export async function copy(button: HTMLElement): Promise<void> {
  const source = document.getElementById(button.dataset.copy ?? "");
  const text = button.querySelector("[data-copy-label]");
  if (source === null || text === null) return;
  const isCopied = (await viaClipboard(source.textContent ?? "")) || viaSelection(source);
  text.textContent = isCopied ? "Copied" : "Select it";
  say(isCopied ? "Copied" : "Copying was refused: the text is selected, copy it with the keyboard.");
  window.setTimeout(() => {
    text.textContent = "Copy";
  }, SHOWN_MS);
}

async function viaClipboard(text: string): Promise<boolean> {
  // Absent in an insecure context.
  const clipboard: Clipboard | undefined = window.navigator?.clipboard;
  try {
    await clipboard?.writeText(text);
    return clipboard !== undefined;
  } catch {
    return false;
  }
}

/** Selects it, so that the owner can copy it by keyboard where the browser does not permit us to. */
function viaSelection(source: HTMLElement): boolean {
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = window.getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
  return document.execCommand("copy");
}
