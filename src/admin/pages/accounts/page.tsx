/** The page of accounts: every provider with its accounts, and what comes next for a new owner. */
import type { FC } from "hono/jsx";
import type { ListStatus } from "../../../models/catalogue/list-record.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord, LimitRow } from "../../../storage/port.ts";
import { counted } from "../../ui/format.ts";
import { Icon } from "../../ui/icons.tsx";
import { type Frame, Head, type Notice, Page } from "../../ui/layout.tsx";
import { AccountCard } from "./card.tsx";

export interface AccountsProps {
  frame: Frame;
  providers: readonly Provider[];
  accounts: readonly AccountRecord[];
  /** Their own lists of models, by account id. */
  lists: ReadonlyMap<string, ListStatus>;
  /** What limits accounts now, by account id. */
  limits: ReadonlyMap<string, readonly LimitRow[]>;
  /** What becomes of the requests of limited accounts, by account id. */
  consequences: ReadonlyMap<string, string>;
  /** Whether there is a key that works now. */
  hasKey: boolean;
  notice?: Notice | undefined;
}

export const AccountsPage: FC<AccountsProps> = ({ providers, accounts, hasKey, notice, ...rest }) => (
  <Page frame={rest.frame} section="accounts" title="Accounts" notice={notice}>
    <Head
      title="Accounts"
      lead="What your agents draw on. Requests go to the primary account of a provider; when it cannot answer, to its newest other one."
    >
      {accounts.length === 0 ? null : (
        <a class="button" id="live-checks" href="/admin/page/live-checks">
          Check the providers
        </a>
      )}
      <a class="button" id="import" href="/admin/page/import" data-panel-link>
        <Icon name="file" />
        Import
      </a>
    </Head>
    {hasKey ? null : <FirstSteps accountCount={accounts.length} />}
    {providers.map((provider) => (
      <ProviderSection
        {...rest}
        provider={provider}
        accounts={accounts.filter((account) => account.provider === provider.id)}
      />
    ))}
  </Page>
);

/** The way from nothing to an agent that answers; gone once there is a key. */
const FirstSteps: FC<{ accountCount: number }> = ({ accountCount }) => (
  <section class="steps" aria-labelledby="first-steps">
    <h2 id="first-steps">Three steps to the first answer</h2>
    <ol>
      <li class={accountCount > 0 ? "done" : "now"}>
        <strong>Connect an account</strong>
        <span>
          {accountCount > 0
            ? `Done: ${counted(accountCount, "account")}.`
            : "Sign in below, or import a login."}
        </span>
      </li>
      <li class={accountCount > 0 ? "now" : ""}>
        <strong>Create a key</strong>
        <span>
          {accountCount > 0 ? (
            <a id="first-key" href="/admin/page/keys/new" data-panel-link>
              Create the first key
            </a>
          ) : (
            "One per agent or machine."
          )}
        </span>
      </li>
      <li>
        <strong>Point an agent at it</strong>
        <span>Copy its setup from “Use it”.</span>
      </li>
    </ol>
  </section>
);

type SectionProps = Pick<AccountsProps, "frame" | "accounts" | "lists" | "limits" | "consequences">;

const ProviderSection: FC<SectionProps & { provider: Provider }> = ({
  frame,
  provider,
  accounts,
  lists,
  limits,
  consequences,
}) => {
  const { id, name, signIn } = provider;
  return (
    <section class="provider" aria-labelledby={`provider-${id}`}>
      <div class="provider-head">
        <h2 id={`provider-${id}`}>{name}</h2>
        {signIn === undefined ? null : (
          <a
            class={accounts.length === 0 ? "button primary" : "button"}
            id={`connect-${id}`}
            href={`/admin/page/connect/${id}`}
            data-panel-link
            aria-label={`Connect ${name}`}
          >
            <Icon name="plus" />
            Connect
          </a>
        )}
      </div>
      {accounts.length === 0 ? (
        <p class="none">No account yet.</p>
      ) : (
        <div class="cards">
          {accounts.map((account) => (
            <AccountCard
              frame={frame}
              provider={provider}
              account={account}
              list={lists.get(account.id)}
              limits={limits.get(account.id) ?? []}
              consequence={consequences.get(account.id)}
            />
          ))}
        </div>
      )}
      {accounts.length < 2 ? null : (
        <p class="hint">
          <a
            id={`policy-${id}`}
            href={`/admin/page/policy/${id}`}
            data-panel-link
            aria-label={`When an account is exhausted: ${name}`}
          >
            When an account is exhausted
          </a>
        </p>
      )}
    </section>
  );
};
