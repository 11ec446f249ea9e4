/** The browser's history while a panel is open: an entry of its own, so that Back closes the panel and not the page. */

const PANEL = "panel";
/** Whether the entry is being gone back from, which the browser does a little later. */
let isLeaving = false;

export function isPanelEntry(): boolean {
  return history.state === PANEL;
}

/** For a panel that was opened. */
export function enterPanel(): void {
  if (isLeaving || isPanelEntry()) return;
  // Else the browser scrolls to where the page was before, after the page may have been renewed.
  history.scrollRestoration = "manual";
  history.pushState(PANEL, "");
}

/** For one that is gone without Back. Nothing when its entry is gone too, or was made another page's. */
export function leavePanel(): void {
  if (isLeaving || !isPanelEntry()) return;
  isLeaving = true;
  history.back();
}

// Whoever comes back to the page from another one finds the place again.
window.addEventListener("pagehide", () => {
  history.scrollRestoration = "auto";
});

/** To be told of each step in the history. */
export function arrive(isOpen: boolean): void {
  if (!isLeaving) return;
  isLeaving = false;
  // Opened anew meanwhile.
  if (isOpen) enterPanel();
}
