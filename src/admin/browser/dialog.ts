/** The one dialog: shows a panel, returns the focus when it closes, and reports when the page below is out of date. */
import { enterPanel, leavePanel } from "./entry.ts";
import { keepInReach } from "./live.ts";

let dialog: HTMLDialogElement | null = null;
let isChanged = false;

export interface PanelOptions {
  readonly title: string;
  /** Whether something was changed, so that the page below is out of date. */
  readonly isChange: boolean;
  /** Called when the dialog has closed over a page that is out of date. */
  readonly onClosed: () => void;
}

/** Shows a panel in the dialog, or in the page when the page itself is a panel. */
export function openPanel(panel: HTMLElement, { title, isChange, onClosed }: PanelOptions): void {
  const inPage = document.querySelector("main [data-panel]");
  if (inPage !== null) {
    inPage.replaceWith(document.adoptNode(panel));
    document.title = title;
    focusIn(panel);
    return;
  }
  dialog ??= create(onClosed);
  if (!dialog.open) isChanged = false;
  isChanged ||= isChange;
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

/** Takes note that the page below is out of date, while the dialog is open. */
export function markChanged(): void {
  isChanged = true;
}

/** Closes the dialog; false when none was open. */
export function closePanel(): boolean {
  if (dialog === null || !dialog.open) return false;
  dialog.close();
  return true;
}

/** Closes it without `onClosed`: the page below is up to date. */
export function closeSilently(): void {
  isChanged = false;
  closePanel();
}

function create(onClosed: () => void): HTMLDialogElement {
  const made = document.createElement("dialog");
  made.setAttribute("aria-labelledby", "panel-title");
  made.addEventListener("close", () => {
    empty(made);
    keepInReach();
    leavePanel();
    if (!isChanged) return;
    isChanged = false;
    onClosed();
  });
  document.body.append(made);
  return made;
}

/** Watches the sticky parts of the dialog. */
let watcher: ResizeObserver | null = null;

/**
 * Sets the scroll padding to the height of the sticky head and buttons, so that they do not cover what is scrolled into
 * view. Fonts, zoom and wrapped buttons change that height.
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

/** Removes the panel; the live region for screen readers stays. */
function empty(from: HTMLDialogElement): void {
  from.querySelector("[data-panel]")?.remove();
}

function focusIn(panel: HTMLElement): void {
  const preferred = panel.querySelector<HTMLElement>("[autofocus]");
  (preferred ?? panel.querySelector("h1"))?.focus();
  if (preferred instanceof HTMLInputElement) preferred.select();
  panel.querySelector("[data-error]")?.scrollIntoView({ block: "nearest" });
}
