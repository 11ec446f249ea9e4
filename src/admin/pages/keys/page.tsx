/** The page of issued keys: what each may use, when it was used, and how to make, see and end one. */
import type { FC } from "hono/jsx";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord, KeyRecord, ListPage } from "../../../storage/port.ts";
import { counted, keyStatusAmong, listed } from "../../ui/format.ts";
import { ActionButton } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Empty, type Frame, Head, type Notice, PATH, Page } from "../../ui/layout.tsx";
import { Fact, StatusLine, Time } from "../../ui/status.tsx";

export interface KeysProps {
  frame: Frame;
  /** A page of those that work, and of those that ended; newest first. */
  working: ListPage<KeyRecord>;
  ended: ListPage<KeyRecord>;
  endedCount: number;
  /** Of this page's address: where in the two lists it is. */
  query: URLSearchParams;
  providers: readonly Provider[];
  accounts: readonly AccountRecord[];
  notice?: Notice | undefined;
}

/** What a place in a list is called in the address. */
export interface PageParameters {
  readonly after: string;
  readonly before: string;
}

export const WORKING: PageParameters = { after: "after", before: "before" };
export const ENDED: PageParameters = { after: "ended-after", before: "ended-before" };

export const KeysPage: FC<KeysProps> = (props) => {
  const { frame, working, ended, endedCount, query, providers, accounts, notice } = props;
  const card = (key: KeyRecord) => (
    <KeyCard now={frame.now} stored={key} providers={providers} accounts={accounts} />
  );
  const hasNone = working.entries.length === 0 && !working.hasBefore;
  const isEmpty = hasNone && endedCount === 0;
  const looksAtEnded = query.has(ENDED.after) || query.has(ENDED.before);
  return (
    <Page frame={frame} section="keys" title="Keys" notice={notice}>
      <Head title="Keys" lead="One per agent or machine, so that you can end one without the others.">
        {isEmpty ? null : <NewKey />}
      </Head>
      {isEmpty ? (
        <Empty
          title="No key yet"
          text={
            accounts.length === 0
              ? "A key is what your agents send instead of a login. Connect an account first, so that it has something to use."
              : "A key is what your agents send instead of a login. Make the first one; you can limit and end it at any time."
          }
        >
          {accounts.length === 0 ? (
            <a class="button primary" href="/admin">
              Connect an account
            </a>
          ) : (
            <NewKey />
          )}
        </Empty>
      ) : null}
      <div class="cards">{working.entries.map(card)}</div>
      <Pager list={working} names={WORKING} query={query} what="keys" at="" />
      {endedCount === 0 ? null : (
        <details class="over" id="ended" open={hasNone || looksAtEnded}>
          <summary>{counted(endedCount, "key")} that ended</summary>
          <div class="cards">{ended.entries.map(card)}</div>
          <Pager list={ended} names={ENDED} query={query} what="ended keys" at="#ended" />
        </details>
      )}
    </Page>
  );
};

/** The ways to the pages on either side; the place in the other list stays. */
const Pager: FC<{
  list: ListPage<KeyRecord>;
  names: PageParameters;
  query: URLSearchParams;
  what: string;
  at: string;
}> = ({ list: { entries, hasBefore, hasAfter }, names, query, what, at }) => {
  const to = (name: string, id: string | undefined) => {
    const next = new URLSearchParams(query);
    for (const each of ["done", names.after, names.before]) next.delete(each);
    if (id !== undefined) next.set(name, id);
    const search = next.toString();
    return `${PATH.keys}${search === "" ? "" : `?${search}`}${at}`;
  };
  return hasBefore || hasAfter ? (
    <nav class="row" aria-label={`More ${what}`}>
      {hasBefore ? (
        <a class="button" href={to(names.before, entries[0]?.id)}>
          Newer {what}
        </a>
      ) : null}
      {hasAfter ? (
        <a class="button" href={to(names.after, entries.at(-1)?.id)}>
          Older {what}
        </a>
      ) : null}
    </nav>
  ) : null;
};

const NewKey: FC = () => (
  <a class="button primary" id="new-key" href="/admin/page/keys/new" data-panel-link>
    <Icon name="plus" />
    Create a key
  </a>
);

const KeyCard: FC<{
  now: number;
  stored: KeyRecord;
  providers: readonly Provider[];
  accounts: readonly AccountRecord[];
}> = ({ now, stored, providers, accounts }) => {
  const { id, label, prefix, createdAt, lastUsedAt, expiresAt } = stored;
  const status = keyStatusAmong(stored, accounts, now);
  const works = status.tone !== "off";
  return (
    <article class={works ? "card key" : "card key is-off"} aria-labelledby={`name-${id}`}>
      <header>
        <div>
          <h2 id={`name-${id}`}>{label}</h2>
          <p class="who">
            <code>{prefix}…</code>
          </p>
        </div>
      </header>
      <StatusLine status={status} />
      <dl class="facts">
        <Fact name="May use">{scopeText(stored, providers, accounts)}</Fact>
        <Fact name="Last used">{lastUsedAt === null ? "never" : <Time at={lastUsedAt} now={now} />}</Fact>
        <Fact name="Created">
          <Time at={createdAt} now={now} />
        </Fact>
        <Fact name="Ends">{expiresAt === null ? "never" : <Time at={expiresAt} now={now} />}</Fact>
      </dl>
      {works ? (
        <fieldset class="actions" aria-label={`Actions for ${label}`}>
          <a class="quiet strong" href={`/admin/page/use?key=${id}`}>
            Use it
          </a>
          <ActionButton id={`reveal-${id}`} action={`/admin/page/keys/${id}/reveal`}>
            Reveal
          </ActionButton>
          <a class="quiet danger" id={`revoke-${id}`} href={`/admin/page/keys/${id}/revoke`} data-panel-link>
            Revoke
          </a>
        </fieldset>
      ) : null}
    </article>
  );
};

/** A key's limits in words. Accounts that are gone are said to be. */
export function scopeText(
  key: Pick<KeyRecord, "providers" | "models" | "accounts">,
  providers: readonly Provider[],
  accounts: readonly AccountRecord[],
): string {
  const providerNames = key.providers?.map((id) => providers.find((one) => one.id === id)?.name ?? id);
  const accountNames = key.accounts?.map(
    (id) => accounts.find((one) => one.id === id)?.label ?? "a removed account",
  );
  const parts = [
    providerNames === undefined ? null : listed(providerNames),
    accountNames === undefined ? null : listed(accountNames),
    key.models === null ? null : key.models.length > 3 ? `${key.models.length} models` : listed(key.models),
  ].filter((part) => part !== null);
  return parts.length === 0 ? "everything" : parts.join(" · ");
}
