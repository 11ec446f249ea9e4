/** Asks for the admin token once more, before something is shown that a stolen session must not open. */
import type { FC } from "hono/jsx";
import { Refused, TextField } from "../../ui/forms.tsx";
import { Panel } from "../../ui/layout.tsx";

export interface ConfirmProps {
  /** Where the form goes: back to what was asked for. */
  action: string;
  /** Where giving up leads. */
  back: string;
  /** What was asked for, to be sent along. */
  fields: Readonly<Record<string, string>>;
  refused?: string | undefined;
}

export const ConfirmPanel: FC<ConfirmProps> = ({ action, back, fields, refused }) => (
  <Panel title="Enter the admin token" back={back}>
    <p>You logged in more than ten minutes ago. To see a key, enter the admin token again.</p>
    <form class="stack" method="post" action={action}>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <TextField
        id="confirm-token"
        name="token"
        label="Admin token"
        type="password"
        required
        autofocus
        fault={refused === undefined ? undefined : { words: refused, field: "token" }}
      />
      <Refused words={refused} />
      <div class="row end">
        <a class="button" href={back} data-close>
          Cancel
        </a>
        <button class="primary" type="submit">
          Show the key
        </button>
      </div>
    </form>
  </Panel>
);
