/** Says to screen readers what happened, in a region that stays while the page around it is replaced. */

let region: HTMLElement | null = null;
/** What happens to it next. */
let timer = 0;

/** With `isSeen` it is also shown for a while, for what has no place of its own in sight. */
export function say(words: string, isSeen = false): void {
  region ??= create();
  keepInReach();
  const shown = region;
  shown.className = "unseen";
  shown.textContent = "";
  window.clearTimeout(timer);
  // Emptied first, so that the same words are said again.
  timer = window.setTimeout(() => {
    shown.textContent = words;
    if (!isSeen) return;
    shown.className = "toast";
    // Long enough to be read.
    timer = window.setTimeout(
      () => {
        shown.className = "unseen";
      },
      4000 + 60 * words.length,
    );
  }, 50);
}

function create(): HTMLElement {
  const made = document.createElement("div");
  made.setAttribute("role", "status");
  return made;
}

/** An open dialog covers what is outside of it and makes it inert, so the region moves into it and out again. */
export function keepInReach(): void {
  const place = document.querySelector("dialog[open]") ?? document.body;
  if (region !== null && region.parentNode !== place) place.append(region);
}

/** Says the notice of a page that was put in place, and shows it where the page does not. */
export function announce(root: Element): void {
  const notice = root.querySelector("[data-said], #tried");
  if (!notice?.textContent) return;
  const { top } = notice.getBoundingClientRect();
  say(notice.textContent, top < 0 || top >= window.innerHeight);
}
