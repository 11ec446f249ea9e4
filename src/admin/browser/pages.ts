/** Asks for pages behind the one that is shown, and puts one in its place. */
import { closeSilently } from "./dialog.ts";
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

/**
 * Replaces the page's content. The focus stays on what has the same id, or goes to the heading of another page. What was
 * typed into a field while the answer was on its way stays.
 */
export function swapMain(
  { page, address, method }: Answer,
  focusId = document.activeElement?.id ?? "",
): void {
  const fresh = page.querySelector("main");
  if (fresh === null) return;
  const field = method === "GET" ? document.activeElement : null;
  const isTyped =
    field instanceof HTMLInputElement && field.id === focusId && field.value !== field.defaultValue;
  closeSilently();
  document.querySelector("main")?.replaceWith(document.adoptNode(fresh));
  const top = page.querySelector("header.top");
  if (top !== null) document.querySelector("header.top")?.replaceWith(document.adoptNode(top));
  document.title = page.title;
  const moved = address !== null && note(address);
  const target = document.getElementById(focusId) ?? document.querySelector<HTMLElement>("main h1");
  target?.focus({ preventScroll: true });
  if (isTyped && target instanceof HTMLInputElement) {
    const { value, selectionStart, selectionEnd } = field;
    target.value = value;
    if (selectionStart !== null) target.setSelectionRange(selectionStart, selectionEnd);
  }
  if (moved) window.scrollTo(0, 0);
  document.getElementById("tried")?.scrollIntoView({ block: "nearest" });
  announce(fresh);
}

/** Puts the address in the bar; true when it leads to another page than before. What was just done is not kept in it. */
function note(address: string): boolean {
  const url = new URL(address);
  url.searchParams.delete("done");
  const moved = url.pathname !== location.pathname;
  if (url.href !== location.href) {
    if (moved || url.search !== location.search) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
  }
  return moved;
}

/** Back and forward, after addresses were changed here. */
export function followHistory(): void {
  window.addEventListener("popstate", async () => {
    const answer = await ask(location.href);
    if (answer === null) location.reload();
    else swapMain(answer);
  });
}
