/** How a sign-in or an import ended: the accounts that are there now, or why there are none; and what comes next. */
import type { FC } from "hono/jsx";
import type { Provider } from "../providers/provider.ts";
import type { AccountRecord } from "../storage/port.ts";
import { Icon } from "./icons.tsx";
import { identityOf, KIND_WORDS } from "./identity.ts";
import { PATH, Panel } from "./layout.tsx";

export const ConnectedPanel: FC<{
  providers: readonly Provider[];
  accounts: readonly AccountRecord[];
  /** Whether there is a key that works: without one, that is next. */
  hasKey: boolean;
}> = ({ providers, accounts, hasKey }) => (
  <Panel
    title={accounts.length > 1 ? "Accounts are connected" : "The account is connected"}
    back={PATH.accounts}
  >
    <ul class="done-list">
      {accounts.map((account) => {
        const { who, plan } = identityOf(account);
        const provider = providers.find(({ id }) => id === account.provider);
        const kind = plan === undefined ? KIND_WORDS[account.kind] : `${KIND_WORDS[account.kind]}, ${plan}`;
        return (
          <li>
            <span class="tile good" aria-hidden="true">
              <Icon name="check" />
            </span>
            <span>
              <strong>{who ?? account.label}</strong>
              <small>
                {provider?.name ?? account.provider} · {kind}
                {account.primary
                  ? " · primary: requests use it"
                  : " · stands by; make it primary on its card"}
              </small>
            </span>
          </li>
        );
      })}
    </ul>
    <p>{hasKey ? "Your keys can use it at once." : "Next: create a key, one per agent or machine."}</p>
    <div class="row end">
      <a class={hasKey ? "button primary" : "button"} href={PATH.accounts} data-close>
        Done
      </a>
      {hasKey ? null : (
        <a class="button primary" href="/admin/page/keys/new" data-panel-link>
          Create a key
        </a>
      )}
    </div>
  </Panel>
);

/** A sign-in that is over without an account. */
export const EndedPanel: FC<{ provider: Provider; words: string }> = ({ provider, words }) => (
  <Panel title={`${provider.name} is not connected`} back={PATH.accounts}>
    <p class="said bad" role="alert">
      <Icon name="alert" />
      <span>{words}</span>
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
