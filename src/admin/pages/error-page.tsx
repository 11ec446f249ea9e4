/** Pages that say that something is not there, or may not be, and where to go instead. */
import { Head, PATH, Page } from "../ui/layout.tsx";
import { type PageContext, render } from "./context.ts";

/** For an id that names nothing (any more). */
export function missing(c: PageContext, what: "account" | "key" | "page"): Response | Promise<Response> {
  const text = {
    account: "It may have been removed meanwhile, here or elsewhere.",
    key: "It may have been made in another deployment.",
    page: "The address may be mistyped, or from another version.",
  };
  return problem(c, 404, `There is no such ${what}`, text[what]);
}

export function problem(
  c: PageContext,
  status: 400 | 403 | 404 | 413 | 500 | 503,
  title: string,
  text: string,
): Response | Promise<Response> {
  return render(
    c,
    <Page frame={c.get("frame")} section="accounts" title={title}>
      <Head title={title} lead={text} />
      <p>
        <a class="button primary" href={PATH.accounts}>
          To the accounts
        </a>
      </p>
    </Page>,
    status,
  );
}
