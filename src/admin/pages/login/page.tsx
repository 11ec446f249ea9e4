/** Where the owner comes in: one field. */
import type { FC } from "hono/jsx";
import { Refused } from "../../ui/forms.tsx";
import { Mark } from "../../ui/icons.tsx";
import { Document, type Frame, type Notice, Said } from "../../ui/layout.tsx";

export interface LoginProps {
  frame: Frame;
  /** Where to go afterwards: a path of this page. */
  next?: string | undefined;
  notice?: Notice | undefined;
  refused?: string | undefined;
  /** False where anybody on the way can read what is typed. */
  isSafe: boolean;
}

export const LoginPage: FC<LoginProps> = ({ frame, next, notice, refused, isSafe }) => (
  <Document frame={frame} title="Log in">
    <main id="main" class="login" data-login>
      <div class="login-head">
        <Mark />
        <h1>Kleis</h1>
        <p class="lead">Your accounts and keys, in one place.</p>
      </div>
      <form class="card stack" method="post" action="/admin/login" data-plain>
        {notice === undefined ? null : <Said notice={notice} />}
        <Refused words={refused} />
        {isSafe ? null : (
          <p class="said warn">
            This address is not encrypted: whoever is between you and Kleis can read the token. Use https, or
            a tunnel to localhost.
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
