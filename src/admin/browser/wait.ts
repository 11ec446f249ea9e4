/** A sign-in that waits: counts down, and asks how far it is at the pace that it was told. */
import { type Answer, send } from "./pages.ts";

const begun = new WeakSet<Element>();

/** Starts whatever waits on the page and does not yet; `show` gets the answer that ends it. */
export function startWaiting(show: (answer: Answer) => void): void {
  for (const element of fresh<HTMLElement>("[data-countdown]")) countDown(element);
  for (const form of fresh<HTMLFormElement>("form[data-wait]")) void wait(form, show);
}

function fresh<Found extends Element>(selector: string): Found[] {
  const found = [...document.querySelectorAll<Found>(selector)].filter((element) => !begun.has(element));
  for (const element of found) begun.add(element);
  return found;
}

async function wait(form: HTMLFormElement, show: (answer: Answer) => void): Promise<void> {
  const words = form.querySelector("[data-wait-words]");
  const usual = words?.textContent ?? "";
  let seconds = Number(form.dataset.wait);
  for (;;) {
    await new Promise((done) => window.setTimeout(done, seconds * 1000));
    if (!form.isConnected) return;
    const answer = await send(form);
    // Closed meanwhile, or ended by a pasted code.
    if (!form.isConnected) return;
    const next = answer?.page.querySelector<HTMLElement>("form[data-wait]");
    if (answer !== null && !next) return show(answer);
    if (next) seconds = Number(next.dataset.wait);
    const refused = answer?.page.querySelector("[data-refused]")?.textContent;
    if (words !== null) {
      words.textContent = answer === null ? "No connection to Kleis; trying again." : (refused ?? usual);
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
