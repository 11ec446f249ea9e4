/** One account at a glance: who, what, how it stands, and everything that can be done with it. */
import type { FC } from "hono/jsx";
import { KEY_REJECTED, TOKEN_REJECTED } from "../../../accounts/credential-rejection.ts";
import type { ListStatus } from "../../../models/catalogue/list-record.ts";
import type { Provider } from "../../../providers/provider.ts";
import { CLASS_WORDS } from "../../../providers/refusal.ts";
import type { AccountRecord, LimitRow, RefusalNote } from "../../../storage/port.ts";
import { identityOf, KIND_NAMES } from "../../ui/account-name.ts";
import { accountStatus, tokenExpiry } from "../../ui/format.ts";
import { ActionButton } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import type { Frame } from "../../ui/layout.tsx";
import { Fact, StatusLine, Time } from "../../ui/status.tsx";
import { AccountLimits } from "./limits.tsx";

export interface AccountCardProps {
  frame: Frame;
  provider: Provider;
  account: AccountRecord;
  /** Its own list of models; undefined where it keeps none, or nothing is known of it yet. */
  list: ListStatus | undefined;
  /** What limits it now. */
  limits: readonly LimitRow[];
  /** What becomes of its requests meanwhile, in words. */
  consequence: string | undefined;
}

export const AccountCard: FC<AccountCardProps> = (props) => {
  const { frame, provider, account, list, limits, consequence } = props;
  const { id, label } = account;
  const { who, where } = identityOf(account, provider);
  const known = [who === label ? undefined : who, where].filter((part) => part !== undefined);
  return (
    <article class={account.enabled ? "card account" : "card account is-off"} aria-labelledby={`name-${id}`}>
      <header>
        <div>
          <h3 id={`name-${id}`}>{label}</h3>
          <p class="who">{known.length === 0 ? " " : known.join(" · ")}</p>
        </div>
        {account.primary ? (
          <span class="badge accent">
            <Icon name="star" />
            Primary
          </span>
        ) : null}
      </header>
      <StatusLine status={accountStatus(account)} />
      <AccountLimits limits={limits} consequence={consequence} now={frame.now} />
      {account.lastRefusal === null ? null : (
        <LastRefusal note={account.lastRefusal} limits={limits} now={frame.now} />
      )}
      <AccountFacts {...props} />
      {list?.remarks.map((remark) => (
        <p class="hint">{remark}</p>
      ))}
      <AccountActions provider={provider} account={account} isLimited={limits.length > 0} />
    </article>
  );
};

/** What is known of an account, as a list of terms. */
const AccountFacts: FC<AccountCardProps> = ({ frame: { now }, provider, account, list }) => {
  const { plan, signInEnds } = identityOf(account, provider);
  const renews = account.kind === "oauth" && provider.refresh !== undefined;
  return (
    <dl class="facts">
      <Fact name="Kind">
        {plan === undefined ? KIND_NAMES[account.kind] : `${KIND_NAMES[account.kind]}, ${plan}`}
      </Fact>
      <Fact name="Token">
        {account.expiresAt === null ? (
          tokenExpiry(account, renews, now)
        ) : (
          <Time at={account.expiresAt}>{tokenExpiry(account, renews, now)}</Time>
        )}
      </Fact>
      {signInEnds === undefined ? null : (
        <Fact name="Sign-in">
          <Time at={signInEnds} now={now} before={signInEnds > now ? "ends" : "ended"} />
        </Fact>
      )}
      <Fact name={checkedWord(account)}>
        <Time at={account.lastRefreshAt ?? account.createdAt} now={now} />
      </Fact>
      {list === undefined || list.count === null || list.at === null ? null : (
        <Fact name="Models">
          {list.count} listed <Time at={list.at} now={now} />
        </Fact>
      )}
    </dl>
  );
};

/** Everything that can be done with an account. */
const AccountActions: FC<Pick<AccountCardProps, "provider" | "account"> & { isLimited: boolean }> = ({
  provider,
  account,
  isLimited,
}) => {
  const { id, label } = account;
  const path = `/admin/page/accounts/${id}`;
  return (
    <fieldset class="actions" aria-label={`Actions for ${label}`}>
      {(account.status === "needs_login" || account.statusReason === TOKEN_REJECTED) &&
      provider.signIn !== undefined &&
      account.kind === "oauth" ? (
        <a
          class="quiet strong"
          id={`again-${id}`}
          href={`/admin/page/connect/${provider.id}`}
          data-panel-link
        >
          Sign in again
        </a>
      ) : null}
      {account.kind === "api_key" ? (
        <a
          class={account.statusReason === KEY_REJECTED ? "quiet strong" : "quiet"}
          id={`replace-${id}`}
          href={`/admin/page/import?kind=api_key&provider=${provider.id}&replaces=${id}`}
          data-panel-link
        >
          Replace key
        </a>
      ) : null}
      {isLimited ? (
        <ActionButton id={`uncool-${id}`} action={`${path}/uncool`} kind="quiet strong">
          Use again now
        </ActionButton>
      ) : null}
      {account.primary || !account.enabled ? null : (
        <ActionButton id={`primary-${id}`} action={`${path}/primary`}>
          Make primary
        </ActionButton>
      )}
      {provider.refresh === undefined || account.kind === "api_key" ? null : (
        <ActionButton id={`refresh-${id}`} action={`${path}/refresh`} busy="Refreshing…">
          Refresh
        </ActionButton>
      )}
      <a class="quiet" id={`rename-${id}`} href={`${path}/rename`} data-panel-link>
        Rename
      </a>
      <ActionButton id={`switch-${id}`} action={`${path}/${account.enabled ? "disable" : "enable"}`}>
        {account.enabled ? "Disable" : "Enable"}
      </ActionButton>
      <a class="quiet danger" id={`remove-${id}`} href={`${path}/remove`} data-panel-link>
        Remove
      </a>
    </fieldset>
  );
};

/** The last refusal that matters to the owner: why, for which model, when, in whose words, and what to do. */
const LastRefusal: FC<{ note: RefusalNote; limits: readonly LimitRow[]; now: number }> = ({
  note,
  limits,
  now,
}) => (
  <p class="status warn refusal">
    <span class="dot" aria-hidden="true" />
    <span>
      <strong>{CLASS_WORDS[note.class]}</strong>
      <span class="why">
        Last refused <Time at={note.at} now={now} />, asked for {note.model}.
      </span>
      {note.words === null || limits.some(({ words }) => words === note.words) ? null : (
        <span class="why">The provider said: “{note.words}”</span>
      )}
      <span class="why">{note.advice}</span>
    </span>
  </p>
);

/** What happened when it was last looked after. */
function checkedWord({ lastRefreshAt, lastRefreshStatus }: AccountRecord): string {
  if (lastRefreshAt === null) return "Connected";
  return lastRefreshStatus === "failed" ? "Last tried" : "Refreshed";
}
