/** Asks for pages behind the one that is shown, and puts one in its place. */
import { closePanel, closeSilently, isPanelOpen } from "./dialog.ts";
import { arrive, isPanelEntry, leavePanel } from "./entry.ts";
import { announce } from "./live.ts";

export interface Answer {
  readonly page: Document;
  readonly method: "GET" | "POST";
  /** The address of the page that was answered; null when it is an answer to a POST, which has none. */
  readonly address: string | null;
}

export function ask(url: string): Promise<Answer | null> {
  return fetchPage(url, { method: "GET" });
}

/** Sends a form as the browser would; fields may be named `method` or `action`, so attributes are read. */
export function send(form: HTMLFormElement, submitter?: HTMLElement | null): Promise<Answer | null> {
  const data = new FormData(form, submitter ?? null);
  const url = new URL(form.getAttribute("action") ?? location.href, location.href);
  if (form.getAttribute("method") !== "post") {
    url.search = fieldsOf(data).toString();
    return fetchPage(url.href, { method: "GET" });
  }
  const isMultipart = form.getAttribute("enctype") === "multipart/form-data";
  return fetchPage(url.href, { method: "POST", body: isMultipart ? data : fieldsOf(data) });
}

function fieldsOf(data: FormData): URLSearchParams {
  const fields = new URLSearchParams();
  for (const [name, value] of data) if (typeof value === "string") fields.append(name, value);
  return fields;
}

async function fetchPage(
  url: string,
  init: { method: "GET" | "POST"; body?: FormData | URLSearchParams },
): Promise<Answer | null> {
  let response: Response;
  let text: string;
  try {
    response = await window.fetch(url, { ...init, credentials: "same-origin", cache: "no-store" });
    text = await response.text();
  } catch {
    return null;
  }
  if (!(response.headers.get("content-type") ?? "").startsWith("text/html")) return null;
  const page = new DOMParser().parseFromString(text, "text/html");
  // The session has ended: the login is a page of its own.
  if (page.querySelector("[data-login]") !== null) {
    location.assign(response.url);
    return new Promise(() => {});
  }
  const hasAddress = init.method === "GET" || response.redirected;
  return { page, method: init.method, address: hasAddress ? response.url : null };
}

/** The address whose page is shown, without its fragment. */
let shown = here();

function here(): string {
  return location.pathname + location.search;
}

/**
 * Replaces the page's content. The focus stays on what has the same id, or on the name of the card that it was in, and
 * that keeps its place in the window; else it goes to the page's heading. What was typed into a field while the answer
 * was on its way stays.
 */
export function swapMain({ page, address, method }: Answer): void {
  const fresh = page.querySelector("main");
  if (fresh === null) return;
  // Gives the focus back to what opened it.
  closeSilently();
  const focused = document.activeElement;
  const field = method === "GET" && focused instanceof HTMLInputElement ? focused : null;
  const isTyped = field !== null && field.value !== field.defaultValue;
  const places = idsAround(focused).map((id) => ({ id, top: topOf(id) }));
  document.querySelector("main")?.replaceWith(document.adoptNode(fresh));
  const top = page.querySelector("header.top");
  if (top !== null) document.querySelector("header.top")?.replaceWith(document.adoptNode(top));
  document.title = page.title;
  const moved = address !== null && note(address);
  shown = here();
  const place = places.find(({ id }) => document.getElementById(id) !== null);
  const target = document.getElementById(place?.id ?? "") ?? document.querySelector<HTMLElement>("main h1");
  // What takes no focus of its own does so when it is told.
  if (target !== null && target.tabIndex < 0) target.tabIndex = -1;
  target?.focus({ preventScroll: true });
  if (isTyped && target instanceof HTMLInputElement && target.id === field.id) {
    const { value, selectionStart, selectionEnd } = field;
    target.value = value;
    if (selectionStart !== null) target.setSelectionRange(selectionStart, selectionEnd);
  }
  if (moved) window.scrollTo(0, 0);
  else if (place !== undefined && window.scrollY > 0) window.scrollBy(0, topOf(place.id) - place.top);
  document.getElementById("tried")?.scrollIntoView({ block: "nearest" });
  announce(fresh);
}

/** The id of an element, then those of the names of what it is in, from the inside out. */
function idsAround(element: Element | null): string[] {
  const ids = [element?.id ?? ""];
  for (let at = element; at !== null; at = at.parentElement)
    ids.push(at.getAttribute("aria-labelledby") ?? "");
  return ids.filter((id) => id !== "");
}

/** Where it is in the window, in pixels. */
function topOf(id: string): number {
  return document.getElementById(id)?.getBoundingClientRect().top ?? 0;
}

/** Puts the address in the bar; true when it leads to another page than before. What was just done is not kept in it. */
function note(address: string): boolean {
  const url = new URL(address);
  url.searchParams.delete("done");
  if (url.pathname + url.search === here()) return false;
  const moved = url.pathname !== location.pathname;
  // The entry of a panel that led here is this page's from now on.
  if (isPanelEntry()) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  return moved;
}

/** Back and forward: to another address, out of a panel, or only to another place on the page. */
export function followHistory(): void {
  window.addEventListener("popstate", async () => {
    arrive(isPanelOpen());
    // Forward to a panel that was closed.
    if (isPanelEntry() && !isPanelOpen()) return leavePanel();
    if (here() === shown) {
      if (!isPanelEntry()) closePanel();
      return;
    }
    const asked = location.href;
    const answer = await ask(asked);
    if (location.href !== asked) return;
    if (answer === null) location.reload();
    else swapMain(answer);
  });
}
