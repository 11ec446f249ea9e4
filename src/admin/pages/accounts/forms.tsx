/** Renaming an account, and removing it with a second thought. */
import type { FC } from "hono/jsx";
import type { AccountRecord } from "../../../storage/port.ts";
import type { FormError } from "../../ui/form-error.ts";
import { FormButtons, FormErrorMessage, TextField } from "../../ui/forms.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";

export const RenamePanel: FC<{ account: AccountRecord; error?: FormError | undefined }> = ({
  account,
  error,
}) => (
  <Panel title="Rename the account" back={PATH.accounts}>
    <form class="stack" method="post" action={`/admin/page/accounts/${account.id}/rename`}>
      <TextField
        id="label"
        name="label"
        label="Name"
        value={account.label}
        maxlength={120}
        required
        autofocus
        error={error}
      />
      <FormErrorMessage text={error?.text} />
      <FormButtons back={PATH.accounts} send="Rename" />
    </form>
  </Panel>
);

export const RemovePanel: FC<{
  account: AccountRecord;
  providerName: string;
  /** Labels of the keys that are limited to this account alone. */
  stranded: readonly string[];
  /** Whether there are more of these than are named. */
  strandsMore: boolean;
}> = ({ account, providerName, stranded, strandsMore }) => (
  <Panel title={`Remove ${account.label}?`} back={PATH.accounts}>
    <p>
      Kleis forgets this {providerName} account and everything that opens it. Agents go on with another
      account of {providerName}, if there is one. To use it again, connect it again.
    </p>
    {stranded.length === 0 ? null : (
      <p class="notice warn">
        <span>
          {stranded.length === 1 ? "This key is" : "These keys are"} limited to it and will not answer any
          more: {stranded.join(", ")}
          {strandsMore ? " and others" : ""}.
        </span>
      </p>
    )}
    <form method="post" action={`/admin/page/accounts/${account.id}/remove`}>
      <FormButtons back={PATH.accounts} leave="Keep it" send="Remove" isDanger />
    </form>
  </Panel>
);
