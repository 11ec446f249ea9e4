/** Lets a reveal go on after a fresh log-in, or with the admin token in the form; asks for it otherwise. */

import { createLoginGuard } from "../../../auth/login-guard.ts";
import { isEncrypted } from "../../../auth/same-origin.ts";
import { requestLoggerOf } from "../../../log/request-logger.ts";
import { Page, type Section } from "../../ui/layout.tsx";
import { type PageContext, type PageDeps, render } from "../context.ts";
import { WRONG_TOKEN, waitWords } from "../login/routes.tsx";
import { ConfirmPanel, type ConfirmProps } from "./page.tsx";

export interface Confirmed extends Omit<ConfirmProps, "refused"> {
  section: Section;
}

/** Null where it may go on; else what the owner is asked. `token` is what the form brought, if anything. */
export type Confirm = (
  c: PageContext,
  token: string | undefined,
  about: Confirmed,
) => Promise<Response | null>;

export function createConfirm({ runtime, sessions }: PageDeps): Confirm {
  const judge = createLoginGuard(runtime);
  return async (c, token = "", { section, ...about }) => {
    const show = (refused?: string, status: 200 | 401 | 429 = 200) =>
      render(
        c,
        <Page frame={c.get("frame")} section={section} title="Enter the admin token">
          <ConfirmPanel {...about} refused={refused} />
        </Page>,
        status,
      );
    if (token.trim() === "") return (await sessions.isFresh(c.req.raw)) ? null : show();
    const outcome = await judge(token.trim(), c.env?.source);
    if (outcome.status === "right") {
      // As good as a log-in: the next reveals are not asked for it again.
      c.header("set-cookie", await sessions.open(isEncrypted(runtime.config, c.req.raw)));
      return null;
    }
    const isSlow = outcome.status === "wait";
    requestLoggerOf(c).addFields({ code: isSlow ? "too_many_tries" : "admin_unauthorized" });
    return isSlow ? show(waitWords(outcome.seconds), 429) : show(WRONG_TOKEN, 401);
  };
}
