/** Shows a spinner and the button's own busy text while a request is running. */
import { say } from "./live.ts";

/** Returns a function that restores the button. */
export function beBusy(button: HTMLElement | null): () => void {
  const text = button?.dataset.busy;
  if (button === null || text === undefined) return () => {};
  const before = [...button.childNodes];
  const spinner = document.createElement("span");
  spinner.className = "spinner";
  button.replaceChildren(spinner, text);
  say(text);
  return () => button.replaceChildren(...before);
}
