/** Polls a pending sign-in at the interval that the page gives, and counts down its lifetime. */
import { type FetchedPage, submitForm } from "./fetch-page.ts";

const started = new WeakSet<Element>();

/** Starts every poll and countdown on the page that has not started yet; `show` gets the page that ends a poll. */
export function startPolling(show: (fetched: FetchedPage) => void): void {
  for (const element of fresh<HTMLElement>("[data-countdown]")) countDown(element);
  for (const form of fresh<HTMLFormElement>("form[data-poll]")) void poll(form, show);
}

function fresh<Found extends Element>(selector: string): Found[] {
  const found = [...document.querySelectorAll<Found>(selector)].filter((element) => !started.has(element));
  for (const element of found) started.add(element);
  return found;
}

async function poll(form: HTMLFormElement, show: (fetched: FetchedPage) => void): Promise<void> {
  const text = form.querySelector("[data-poll-text]");
  const usual = text?.textContent ?? "";
  let seconds = Number(form.dataset.poll);
  for (;;) {
    await new Promise((done) => window.setTimeout(done, seconds * 1000));
    if (!form.isConnected) return;
    const fetched = await submitForm(form);
    // The panel was closed, or a pasted code has ended the sign-in.
    if (!form.isConnected) return;
    const next = fetched?.page.querySelector<HTMLElement>("form[data-poll]");
    if (fetched !== null && !next) return show(fetched);
    if (next) seconds = Number(next.dataset.poll);
    const refused = fetched?.page.querySelector("[data-error]")?.textContent;
    if (text !== null) {
      text.textContent = fetched === null ? "No connection to Kleis; trying again." : (refused ?? usual);
    }
  }
}

function countDown(element: HTMLElement): void {
  const until = performance.now() + Number(element.dataset.countdown) * 1000;
  const timer = window.setInterval(() => {
    if (!element.isConnected) return window.clearInterval(timer);
    const left = Math.max(0, Math.round((until - performance.now()) / 1000));
    element.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }, 1000);
}
