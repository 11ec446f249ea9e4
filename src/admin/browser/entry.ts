/** Gives an open panel a history entry of its own, so that Back closes the panel and not the page. */

const PANEL = "panel";
/** True between `history.back()` and its `popstate` event. */
let isLeaving = false;

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
}
