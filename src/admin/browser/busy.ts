/** A button that says that it is at work: its own words for that, beside a sign that turns. */
import { say } from "./live.ts";

/** What this gives puts back what the button said before. */
export function beBusy(button: HTMLElement | null): () => void {
  const words = button?.dataset.busy;
  if (button === null || words === undefined) return () => {};
  const before = [...button.childNodes];
  const spinner = document.createElement("span");
  spinner.className = "spinner";
  button.replaceChildren(spinner, words);
  say(words);
  return () => button.replaceChildren(...before);
}
