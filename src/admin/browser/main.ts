/**
 * The page's one script. Everything works without it; with it panels open in a dialog, forms answer in place, a waiting
 * sign-in asks by itself, and text can be copied. Event delegation, since parts of the page come and go.
 */
import { beBusy } from "./busy.ts";
import { copy } from "./copy.ts";
import { closePanel, openPanel } from "./dialog.ts";
import { acceptDrops } from "./drop.ts";
import { leavePanel } from "./entry.ts";
import { say } from "./live.ts";
import { type Answer, ask, followHistory, send, swapMain } from "./pages.ts";
import { startWaiting } from "./wait.ts";

document.documentElement.classList.add("js");

/** Shows what was answered: a panel in the dialog, anything else as the page. */
function show(answer: Answer): void {
  const panel = answer.page.querySelector<HTMLElement>("[data-panel]");
  if (panel !== null) openPanel(panel, answer, isChange(answer));
  else swapMain(answer);
  startWaiting(show);
}

function isChange({ method }: Answer): boolean {
  return method === "POST";
}

document.addEventListener("click", async (event) => {
  if (!(event.target instanceof Element) || event.defaultPrevented) return;
  const copier = event.target.closest<HTMLElement>("[data-copy]");
  if (copier !== null) return copy(copier);
  const link = event.target.closest<HTMLAnchorElement>("a[href]");
  if (link === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.matches("[data-close]") && closePanel()) return event.preventDefault();
  if (!link.matches("[data-panel-link], [data-swap]")) return;
  event.preventDefault();
  holdFocus(link);
  const answer = await ask(link.href);
  if (answer === null) location.assign(link.href);
  else show(answer);
});

/** Safari does not give the focus to what is clicked, and without it there is nowhere to go on from afterwards. */
function holdFocus(clicked: HTMLElement | null): void {
  if (document.activeElement === document.body) clicked?.focus({ preventScroll: true });
}

const sending = new WeakSet<HTMLFormElement>();
/** Counts the questions of searches: only the newest is answered. */
let asked = 0;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.matches("[data-plain]")) return;
  event.preventDefault();
  const isSearch = form.getAttribute("method") !== "post";
  if (isSearch) asked++;
  else if (sending.has(form)) return;
  const turn = asked;
  sending.add(form);
  holdFocus(event.submitter);
  form.setAttribute("aria-busy", "true");
  const rest = beBusy(event.submitter);
  const answer = await send(form, event.submitter);
  rest();
  if (isSearch && turn !== asked) return;
  sending.delete(form);
  form.removeAttribute("aria-busy");
  if (answer === null) say("No connection to Kleis. Nothing was changed; try again.", true);
  else show(answer);
});

document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement && event.target.matches("[data-sends]")) {
    event.target.form?.requestSubmit();
  }
});

acceptDrops();
followHistory();
document.addEventListener("DOMContentLoaded", () => {
  startWaiting(show);
  // Reloaded while a panel was open: there is none any more.
  leavePanel();
});
