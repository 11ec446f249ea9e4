/** Says to screen readers what happened, in a region that stays while the page around it is replaced. */

let region: HTMLElement | null = null;

/** With `isSeen` it also stands on the page for a few seconds, for what has no place of its own there. */
export function say(words: string, isSeen = false): void {
  if (region === null) {
    region = document.createElement("div");
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  const shown = region;
  shown.className = isSeen ? "toast" : "unseen";
  shown.textContent = "";
  // Emptied first, so that the same words are said again.
  window.setTimeout(() => {
    shown.textContent = words;
  }, 50);
  if (isSeen) {
    window.setTimeout(() => {
      shown.className = "unseen";
    }, 6000);
  }
}

/** Says the notice of a page that was put in place. */
export function announce(root: Element): void {
  const words = root.querySelector("[data-said], #tried")?.textContent;
  if (words) say(words);
}
