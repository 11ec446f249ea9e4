/** The page that a browser sees at `/admin`: what this is and how accounts and keys are managed over the admin API. */
import type { FC } from "hono/jsx";
import { VERSION } from "../version.ts";

export interface PageProps {
  /** The address at which this deployment is reached. */
  origin: string;
  /** Names of the providers and what each allows. */
  providers: readonly { name: string; notice: string }[];
  /** Of the inline style. */
  nonce: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; }
code { font: .875rem/1.5 ui-monospace, monospace; }
h2 { margin-top: 2.5rem; }
`;

export const AdminPage: FC<PageProps> = ({ origin, providers, nonce }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Kleis</title>
      <style nonce={nonce}>{STYLE}</style>
    </head>
    <body>
      <header>
        <h1>Kleis is running</h1>
        <p>Version {VERSION}. Accounts and keys are managed with the admin token, over the admin API.</p>
      </header>
      <main>
        <section aria-labelledby="connect">
          <h2 id="connect">1. Put in an account</h2>
          <p>Send an agent's credential file as it lies on your disk (OpenCode, Codex CLI or Claude Code):</p>
          <pre>
            <code>{`jq -n --slurpfile f ~/.local/share/opencode/auth.json '{file: $f[0]}' |
  curl -sS ${origin}/admin/accounts/import -H "authorization: Bearer $ADMIN_TOKEN" \\
    -H "content-type: application/json" -d @-`}</code>
          </pre>
        </section>
        <section aria-labelledby="key">
          <h2 id="key">2. Issue a key</h2>
          <pre>
            <code>{`curl -sS ${origin}/admin/keys -H "authorization: Bearer $ADMIN_TOKEN" \\
  -H "content-type: application/json" -d '{"label":"laptop"}'`}</code>
          </pre>
        </section>
        <section aria-labelledby="use">
          <h2 id="use">3. Point an agent at it</h2>
          <p>
            Base URL <code>{origin}/v1</code> (for Anthropic clients <code>{origin}</code>), with the issued
            key.
          </p>
        </section>
        <section aria-labelledby="terms">
          <h2 id="terms">What each provider allows</h2>
          {providers.map(({ name, notice }) => (
            <>
              <h3>{name}</h3>
              <p>{notice}</p>
            </>
          ))}
        </section>
      </main>
    </body>
  </html>
);
