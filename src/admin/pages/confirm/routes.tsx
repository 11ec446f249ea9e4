/** Permits a reveal in a fresh session, or with the admin token in the form; asks for the token otherwise. */

import { createLoginGuard } from "../../../auth/login-guard.ts";
import { isEncrypted } from "../../../auth/same-origin.ts";
import { requestLoggerOf } from "../../../log/request-logger.ts";
import { Page, type Section } from "../../ui/layout.tsx";
import { type PageContext, type PageDeps, render } from "../context.ts";
import { tooManyAttemptsText, WRONG_TOKEN } from "../login/routes.tsx";
import { ConfirmPanel, type ConfirmProps } from "./page.tsx";

export interface ConfirmOptions extends Omit<ConfirmProps, "error"> {
  section: Section;
}

/** Null when the reveal is permitted, otherwise the page that asks for the token. `token` is the form's, if it has one. */
export type Confirm = (
  c: PageContext,
  token: string | undefined,
  about: ConfirmOptions,
) => Promise<Response | null>;

export function createConfirm({ runtime, sessions, audit }: PageDeps): Confirm {
  const guard = createLoginGuard(runtime);
  return async (c, token = "", { section, ...about }) => {
    const show = (error?: string, status: 200 | 401 | 429 = 200) =>
      render(
        c,
        <Page frame={c.get("frame")} section={section} title="Enter the admin token">
          <ConfirmPanel {...about} error={error} />
        </Page>,
        status,
      );
    if (token.trim() === "") return (await sessions.isFresh(c.req.raw)) ? null : show();
    const outcome = await guard(token.trim(), c.env?.source);
    if (outcome.status === "right") {
      // Counts as a login: the next reveals do not ask again.
      c.header("set-cookie", await sessions.open(isEncrypted(runtime.config, c.req.raw)));
      audit.of(c, "admin token")({ action: "session.open" });
      return null;
    }
    const isSlow = outcome.status === "wait";
    requestLoggerOf(c).addFields({ code: isSlow ? "too_many_tries" : "admin_unauthorized" });
    return isSlow ? show(tooManyAttemptsText(outcome.seconds), 429) : show(WRONG_TOKEN, 401);
  };
}
