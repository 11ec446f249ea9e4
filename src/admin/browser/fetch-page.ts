/** Fetches pages and submits forms in the background. Knows nothing about where a page is shown. */

export interface FetchedPage {
  readonly page: Document;
  readonly method: "GET" | "POST";
  /** The page's address; null for the response to a POST, which has none. */
  readonly address: string | null;
}

/** Null when Kleis could not be reached, or when the response is not a page. */
export function getPage(url: string): Promise<FetchedPage | null> {
  return fetchPage(url, { method: "GET" });
}

/** Submits a form as the browser would. Fields may be named `method` or `action`, so attributes are read. */
export function submitForm(
  form: HTMLFormElement,
  submitter?: HTMLElement | null,
): Promise<FetchedPage | null> {
  const data = new FormData(form, submitter ?? null);
  const url = new URL(form.getAttribute("action") ?? location.href, location.href);
  if (form.getAttribute("method") !== "post") {
    url.search = fieldsOf(data).toString();
    return getPage(url.href);
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
): Promise<FetchedPage | null> {
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
