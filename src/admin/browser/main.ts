/**
 * The page's one script. Everything works without it; with it panels open in a dialog, forms respond in place, a pending
 * sign-in polls by itself, and text can be copied. Uses event delegation, since parts of the page come and go.
 */
import { beBusy } from "./busy.ts";
import { copy } from "./copy.ts";
import { closePanel, isPanelOpen, markChanged, openPanel } from "./dialog.ts";
import { acceptDrops } from "./drop.ts";
import { holdLink, leavePanel } from "./entry.ts";
import { type FetchedPage, getPage, submitForm } from "./fetch-page.ts";
import { say } from "./live.ts";
import { followHistory, swapMain } from "./pages.ts";
import { startPolling } from "./poll.ts";

document.documentElement.classList.add("js");

/** Shows a panel in the dialog, anything else as the page. */
function show(fetched: FetchedPage): void {
  const { page, method } = fetched;
  const panel = page.querySelector<HTMLElement>("[data-panel]");
  if (panel === null) swapMain(fetched);
  else openPanel(panel, { title: page.title, isChange: method === "POST", onClosed: renewPage });
  startPolling(show);
}

async function renewPage(): Promise<void> {
  const fetched = await getPage(location.href);
  if (fetched === null) return;
  // Another panel was opened meanwhile: the page is replaced once that is closed.
  if (isPanelOpen()) markChanged();
  else swapMain(fetched);
}

document.addEventListener("click", async (event) => {
  if (!(event.target instanceof Element) || event.defaultPrevented) return;
  const copier = event.target.closest<HTMLElement>("[data-copy]");
  if (copier !== null) return copy(copier);
  const link = event.target.closest<HTMLAnchorElement>("a[href]");
  if (link === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.matches("[data-close]") && closePanel()) return event.preventDefault();
  if (!link.matches("[data-panel-link], [data-swap]")) {
    if (holdLink(link, isPanelOpen())) event.preventDefault();
    return;
  }
  event.preventDefault();
  holdFocus(link);
  const fetched = await getPage(link.href);
  if (fetched === null) location.assign(link.href);
  else show(fetched);
});

/** Safari does not focus a clicked button or link; without that the focus has nowhere to return to. */
function holdFocus(clicked: HTMLElement | null): void {
  if (document.activeElement === document.body) clicked?.focus({ preventScroll: true });
}

const sending = new WeakSet<HTMLFormElement>();
/** Counts submitted searches: only the newest is shown. */
let searches = 0;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.matches("[data-plain]")) return;
  event.preventDefault();
  const isSearch = form.getAttribute("method") !== "post";
  if (isSearch) searches++;
  else if (sending.has(form)) return;
  const search = searches;
  sending.add(form);
  holdFocus(event.submitter);
  form.setAttribute("aria-busy", "true");
  const restore = beBusy(event.submitter);
  const fetched = await submitForm(form, event.submitter);
  restore();
  if (isSearch && search !== searches) return;
  sending.delete(form);
  form.removeAttribute("aria-busy");
  if (fetched === null) say("No connection to Kleis. Nothing was changed; try again.", true);
  else show(fetched);
});

document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement && event.target.matches("[data-sends]")) {
    event.target.form?.requestSubmit();
  }
});

acceptDrops();
followHistory();
document.addEventListener("DOMContentLoaded", () => {
  startPolling(show);
  // The page was reloaded while a panel was open.
  leavePanel();
});
