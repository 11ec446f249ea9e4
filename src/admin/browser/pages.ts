/** Replaces the page that is shown, and follows the browser's history. */
import { closePanel, closeSilently, isPanelOpen } from "./dialog.ts";
import { isPanelEntry, leavePanel, onHistoryStep } from "./entry.ts";
import { type FetchedPage, getPage } from "./fetch-page.ts";
import { announce } from "./live.ts";

/** The address whose page is shown, without its fragment. */
let shown = here();

function here(): string {
  return location.pathname + location.search;
}

/**
 * Replaces the page's content. The focus stays on the element with the same id, or on the heading of the card it was in,
 * which keeps its place in the window; otherwise it goes to the page's heading. Text typed into a field while the page
 * was being fetched stays.
 */
export function swapMain({ page, address, method }: FetchedPage): void {
  const fresh = page.querySelector("main");
  if (fresh === null) return;
  // Returns the focus to what opened the dialog.
  closeSilently();
  const focused = document.activeElement;
  const field = method === "GET" && focused instanceof HTMLInputElement ? focused : null;
  const places = idsAround(focused).map((id) => ({ id, top: topOf(id) }));
  replaceContent(page, fresh);
  const isOtherPage = address !== null && showAddress(address);
  shown = here();
  const place = places.find(({ id }) => document.getElementById(id) !== null);
  const target = document.getElementById(place?.id ?? "") ?? document.querySelector<HTMLElement>("main h1");
  if (target !== null) focusOn(target);
  if (field !== null && target instanceof HTMLInputElement && target.id === field.id) keepText(field, target);
  if (isOtherPage) window.scrollTo(0, 0);
  else if (place !== undefined && window.scrollY > 0) window.scrollBy(0, topOf(place.id) - place.top);
  document.getElementById("test-result")?.scrollIntoView({ block: "nearest" });
  announce(fresh);
}

function replaceContent(page: Document, main: HTMLElement): void {
  document.querySelector("main")?.replaceWith(document.adoptNode(main));
  const header = page.querySelector("header.top");
  if (header !== null) document.querySelector("header.top")?.replaceWith(document.adoptNode(header));
  document.title = page.title;
}

function focusOn(target: HTMLElement): void {
  // Headings are not focusable by themselves.
  if (target.tabIndex < 0) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** Carries over what was typed into the former field. */
function keepText(former: HTMLInputElement, target: HTMLInputElement): void {
  const { value, defaultValue, selectionStart, selectionEnd } = former;
  if (value === defaultValue) return;
  target.value = value;
  if (selectionStart !== null) target.setSelectionRange(selectionStart, selectionEnd);
}

/** The id of an element, then the ids of the labels of its ancestors, innermost first. */
function idsAround(element: Element | null): string[] {
  const ids = [element?.id ?? ""];
  for (let at = element; at !== null; at = at.parentElement)
    ids.push(at.getAttribute("aria-labelledby") ?? "");
  return ids.filter((id) => id !== "");
}

/** The element's top edge in the window, in pixels. */
function topOf(id: string): number {
  return document.getElementById(id)?.getBoundingClientRect().top ?? 0;
}

/** Shows the address, without `done`; true when it is another page's. */
function showAddress(address: string): boolean {
  const url = new URL(address);
  url.searchParams.delete("done");
  if (url.pathname + url.search === here()) return false;
  const isOtherPage = url.pathname !== location.pathname;
  // The history entry of the panel that led here now belongs to this page.
  if (isPanelEntry()) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  return isOtherPage;
}

/** Handles Back and Forward: to another address, out of a panel, or within the page. */
export function followHistory(): void {
  window.addEventListener("popstate", async () => {
    onHistoryStep(isPanelOpen());
    // Forward to a panel that has been closed.
    if (isPanelEntry() && !isPanelOpen()) return leavePanel();
    if (here() === shown) {
      if (!isPanelEntry()) closePanel();
      return;
    }
    const target = location.href;
    const fetched = await getPage(target);
    if (location.href !== target) return;
    if (fetched === null) location.reload();
    else swapMain(fetched);
  });
}
