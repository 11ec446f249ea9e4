/** The result of a sign-in or an import: the accounts that were saved, or why there are none, and the next step. */
import type { FC } from "hono/jsx";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord } from "../../../storage/port.ts";
import { identityOf, KIND_NAMES } from "../../ui/account-name.ts";
import { Icon } from "../../ui/icons.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";

interface Connected {
  providers: readonly Provider[];
  accounts: readonly AccountRecord[];
  /** Whether there is a working key; creating one is the next step otherwise. */
  hasKey: boolean;
}

/** After a sign-in: the provider has just issued the credentials. */
export const ConnectedPanel: FC<Connected> = ({ providers, accounts, hasKey }) => (
  <Panel title="The account is connected" back={PATH.accounts}>
    <AccountList providers={providers} accounts={accounts} icon="check" />
    <p>{hasKey ? "Your keys can use it at once." : "Next: create a key, one per agent or machine."}</p>
    <div class="row end">
      <a class={hasKey ? "button primary" : "button"} href={PATH.accounts} data-close>
        Done
      </a>
      {hasKey ? null : <CreateKey />}
    </div>
  </Panel>
);

/** After an import: the credentials are stored; only API keys have been checked with the provider. */
export const SavedPanel: FC<
  Connected & {
    /** What of the import was not stored, for the owner. */
    notes: readonly string[];
    /** The account whose key was to be replaced, where it is still there. */
    former: AccountRecord | undefined;
  }
> = ({ providers, accounts, hasKey, notes, former }) => {
  const areMany = accounts.length > 1;
  const isAccepted = accounts.every(({ kind, statusReason }) => kind === "api_key" && statusReason === null);
  return (
    <Panel title={areMany ? "Accounts are saved" : "The account is saved"} back={PATH.accounts}>
      <AccountList providers={providers} accounts={accounts} icon="file" />
      {notes.map((text) => (
        <p class="notice warn">
          <span>{text}</span>
        </p>
      ))}
      {former === undefined ? null : (
        <p>The account with the former key, “{former.label}”, is still there: remove it on its card.</p>
      )}
      <p>
        {isAccepted
          ? "The provider accepts the key."
          : areMany
            ? "Not all of them have been tested yet."
            : "It has not been tested yet: the provider has not been asked."}{" "}
        {hasKey ? null : "Create a key, one per agent or machine, and then "}
        <a href={PATH.use}>{hasKey ? "Test it" : "test it"}</a>.
      </p>
      <div class="row end">
        <a class={hasKey ? "button primary" : "button"} href={PATH.accounts} data-close>
          Done
        </a>
        {hasKey ? null : <CreateKey />}
      </div>
    </Panel>
  );
};

const CreateKey: FC = () => (
  <a class="button primary" href="/admin/page/keys/new" data-panel-link>
    Create a key
  </a>
);

const AccountList: FC<Pick<Connected, "providers" | "accounts"> & { icon: "check" | "file" }> = ({
  providers,
  accounts,
  icon,
}) => (
  <ul class="done-list">
    {accounts.map((account) => {
      const provider = providers.find(({ id }) => id === account.provider);
      const { who, plan } = identityOf(account, provider);
      const kind = plan === undefined ? KIND_NAMES[account.kind] : `${KIND_NAMES[account.kind]}, ${plan}`;
      return (
        <li>
          <span class="tile" aria-hidden="true">
            <Icon name={icon} />
          </span>
          <span>
            <strong>{who ?? account.label}</strong>
            <small>
              {provider?.name ?? account.provider} · {kind}
              {account.primary ? " · primary: requests use it" : " · standby; make it primary on its card"}
            </small>
          </span>
        </li>
      );
    })}
  </ul>
);

/** A sign-in that ended without an account. */
export const EndedPanel: FC<{ provider: Provider; text: string }> = ({ provider, text }) => (
  <Panel title={`${provider.name} is not connected`} back={PATH.accounts}>
    <p class="notice bad" role="alert">
      <Icon name="alert" />
      <span>{text}</span>
    </p>
    <div class="row end">
      <a class="button" href={PATH.accounts} data-close>
        Close
      </a>
      <a class="button primary" href={`/admin/page/connect/${provider.id}`} data-panel-link>
        Start again
      </a>
    </div>
  </Panel>
);
