/** Announces to screen readers what happened, in a live region that stays while the page is replaced. */

let region: HTMLElement | null = null;
let timer = 0;

/** With `isSeen` the text is also shown as a toast for a while. */
export function say(text: string, isSeen = false): void {
  region ??= create();
  keepInReach();
  const shown = region;
  shown.className = "unseen";
  shown.textContent = "";
  window.clearTimeout(timer);
  // Emptied first, so that a repeated text is announced again.
  timer = window.setTimeout(() => {
    shown.textContent = text;
    if (!isSeen) return;
    shown.className = "toast";
    // Long enough to read.
    timer = window.setTimeout(
      () => {
        shown.className = "unseen";
      },
      4000 + 60 * text.length,
    );
  }, 50);
}

function create(): HTMLElement {
  const made = document.createElement("div");
  made.setAttribute("role", "status");
  return made;
}

/** An open dialog makes everything outside it inert, so the region moves into the dialog and out again. */
export function keepInReach(): void {
  const place = document.querySelector("dialog[open]") ?? document.body;
  if (region !== null && region.parentNode !== place) place.append(region);
}

/** Announces the notice of a page that was just shown, as a toast too where the notice is out of view. */
export function announce(root: Element): void {
  const notice = root.querySelector("[data-notice], #test-result");
  if (!notice?.textContent) return;
  const { top } = notice.getBoundingClientRect();
  say(notice.textContent, top < 0 || top >= window.innerHeight);
}
