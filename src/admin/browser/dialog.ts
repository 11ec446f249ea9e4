/** The one dialog: holds a panel, gives the focus back, and renews the page behind it when something was changed. */
import { enterPanel, leavePanel } from "./entry.ts";
import { keepInReach } from "./live.ts";
import { type Answer, ask, swapMain } from "./pages.ts";

let dialog: HTMLDialogElement | null = null;
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
  if (!dialog.open) isChanged = false;
  isChanged ||= changed;
  empty(dialog);
  dialog.prepend(document.adoptNode(panel));
  keepClear(dialog, panel);
  if (!dialog.open) {
    dialog.showModal();
    enterPanel();
    keepInReach();
  }
  dialog.scrollTop = 0;
  focusIn(panel);
}

export function isPanelOpen(): boolean {
  return dialog?.open ?? false;
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
    empty(made);
    keepInReach();
    leavePanel();
    if (!isChanged) return;
    isChanged = false;
    const answer = await ask(location.href);
    if (answer !== null) swapMain(answer);
  });
  document.body.append(made);
  return made;
}

/** Watches what sticks to the edges of the dialog. */
let watcher: ResizeObserver | null = null;

/**
 * Scrolls what is brought into sight clear of the sticky head and buttons, by the height that they have: fonts, zoom
 * and wrapped buttons change it.
 */
function keepClear(made: HTMLDialogElement, panel: HTMLElement): void {
  const edges = [".panel-head", ":scope > form > .row.end:last-child"].map((place) =>
    panel.querySelector(place),
  );
  const measure = () => {
    const [top, bottom] = edges.map((edge) =>
      edge !== null && getComputedStyle(edge).position === "sticky" ? edge.clientHeight + 8 : 0,
    );
    made.style.scrollPadding = `${top}px 0 ${bottom}px`;
  };
  watcher?.disconnect();
  watcher = new ResizeObserver(measure);
  for (const watched of [made, ...edges]) if (watched !== null) watcher.observe(watched);
  measure();
}

/** Takes the panel out; what is said to screen readers stays. */
function empty(from: HTMLDialogElement): void {
  from.querySelector("[data-panel]")?.remove();
}

function focusIn(panel: HTMLElement): void {
  const wished = panel.querySelector<HTMLElement>("[autofocus]");
  (wished ?? panel.querySelector("h1"))?.focus();
  if (wished instanceof HTMLInputElement) wished.select();
  panel.querySelector("[data-refused]")?.scrollIntoView({ block: "nearest" });
}
