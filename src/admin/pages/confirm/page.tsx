/** Asks for the admin token again before showing what a stolen session must not reveal. */
import type { FC } from "hono/jsx";
import { FormButtons, FormErrorMessage, TextField } from "../../ui/forms.tsx";
import { Panel } from "../../ui/layout.tsx";

export interface ConfirmProps {
  /** The path that the form is posted to: the original request's. */
  action: string;
  /** The path that Cancel leads to. */
  back: string;
  /** The fields of the original request, sent along. */
  fields: Readonly<Record<string, string>>;
  error?: string | undefined;
}

export const ConfirmPanel: FC<ConfirmProps> = ({ action, back, fields, error }) => (
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
        error={error === undefined ? undefined : { text: error, field: "token" }}
      />
      <FormErrorMessage text={error} />
      <FormButtons back={back} send="Show the key" />
    </form>
  </Panel>
);
