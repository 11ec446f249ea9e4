/** The one dialog: holds a panel, gives the focus back, and renews the page behind it when something was changed. */
import { type Answer, ask, swapMain } from "./pages.ts";

let dialog: HTMLDialogElement | null = null;
/** The id of what opened it. */
let opener = "";
let isChanged = false;

/** Shows a panel in the dialog, or in the page when that is a panel itself. */
export function openPanel(panel: HTMLElement, { page }: Answer, changed: boolean): void {
  const inPage = document.querySelector("main [data-panel]");
  if (inPage !== null) {
    inPage.replaceWith(document.adoptNode(panel));
    document.title = page.title;
    focusIn(panel);
    return;
  }
  dialog ??= create();
  if (!dialog.open) {
    opener = document.activeElement?.id ?? "";
    isChanged = false;
  }
  isChanged ||= changed;
  dialog.replaceChildren(document.adoptNode(panel));
  if (!dialog.open) dialog.showModal();
  focusIn(panel);
}

/** Closes the dialog; false when none was open. */
export function closePanel(): boolean {
  if (dialog === null || !dialog.open) return false;
  dialog.close();
  return true;
}

/** Closes it because the page behind is renewed already. */
export function closeSilently(): void {
  isChanged = false;
  closePanel();
}

function create(): HTMLDialogElement {
  const made = document.createElement("dialog");
  made.setAttribute("aria-labelledby", "panel-title");
  made.addEventListener("close", async () => {
    made.replaceChildren();
    if (!isChanged) return;
    isChanged = false;
    const answer = await ask(location.href);
    if (answer !== null) swapMain(answer, opener);
  });
  document.body.append(made);
  return made;
}

function focusIn(panel: HTMLElement): void {
  const wished = panel.querySelector<HTMLElement>("[autofocus]");
  (wished ?? panel.querySelector("h1"))?.focus();
  if (wished instanceof HTMLInputElement) wished.select();
}
