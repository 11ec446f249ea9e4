/** Gives an open panel a history entry of its own, so that Back closes the panel and not the page. */

const PANEL = "panel";
/** True between `history.back()` and its `popstate` event. */
let isLeaving = false;
/** A link that was clicked meanwhile: of two steps at once the browser drops one, and often the click. */
let heldLink: HTMLAnchorElement | null = null;

export function isPanelEntry(): boolean {
  return history.state === PANEL;
}

/** Called when a panel has opened. */
export function enterPanel(): void {
  if (isLeaving || isPanelEntry()) return;
  // Otherwise the browser restores the old scroll position after the page may have been replaced.
  history.scrollRestoration = "manual";
  history.pushState(PANEL, "");
}

/** Called when a panel has closed. Does nothing when Back closed it, or when its entry now belongs to another page. */
export function leavePanel(): void {
  if (isLeaving || !isPanelEntry()) return;
  isLeaving = true;
  history.back();
}

/**
 * True where a link has to wait for the step back; `onHistoryStep` then follows it. A panel closes before its `close` event,
 * so that the step may not have begun yet.
 */
export function holdLink(link: HTMLAnchorElement, isOpen: boolean): boolean {
  if (!isOpen) leavePanel();
  if (isLeaving) heldLink = link;
  return isLeaving;
}

// Coming back from another page restores the scroll position.
window.addEventListener("pagehide", () => {
  history.scrollRestoration = "auto";
});

/** To be called on each `popstate`. */
export function onHistoryStep(isOpen: boolean): void {
  if (!isLeaving) return;
  isLeaving = false;
  // A panel was opened in the meantime.
  if (isOpen) enterPanel();
  const link = heldLink;
  heldLink = null;
  link?.click();
}
