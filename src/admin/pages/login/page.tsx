/** The login page. */
import type { FC } from "hono/jsx";
import { FormErrorMessage } from "../../ui/forms.tsx";
import { Mark } from "../../ui/icons.tsx";
import { Document, type Frame, type Notice, NoticeBar } from "../../ui/layout.tsx";

export interface LoginProps {
  frame: Frame;
  /** The path to go to after login. */
  next?: string | undefined;
  notice?: Notice | undefined;
  error?: string | undefined;
  /** False when the connection is neither encrypted nor local. */
  isSafe: boolean;
}

export const LoginPage: FC<LoginProps> = ({ frame, next, notice, error, isSafe }) => (
  <Document frame={frame} title="Log in">
    <main id="main" class="login" data-login>
      <div class="login-head">
        <Mark />
        <h1>Kleis</h1>
        <p class="lead">Your accounts and keys, in one place.</p>
      </div>
      <form class="card stack" method="post" action="/admin/login" data-plain>
        {notice === undefined ? null : <NoticeBar notice={notice} />}
        <FormErrorMessage text={error} />
        {isSafe ? null : (
          <p class="notice warn">
            This address is not encrypted: anyone between you and Kleis can read the token. Use https, or a
            tunnel to localhost.
          </p>
        )}
        {next === undefined ? null : <input type="hidden" name="next" value={next} />}
        <input type="text" name="username" value="admin" autocomplete="username" hidden />
        <div class="field">
          <label for="token">Admin token</label>
          <input
            id="token"
            name="token"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            aria-describedby="token-hint"
          />
          <p class="hint" id="token-hint">
            Printed at the first start, and kept in <code>.kleis/secrets.env</code>; on Vercel and Cloudflare
            it is the secret <code>ADMIN_TOKEN</code>.
          </p>
        </div>
        <button class="primary wide" type="submit">
          Log in
        </button>
      </form>
    </main>
  </Document>
);
