/** The page of live checks: a form for each account with the price beside its button, and the table of what was found. */
import type { FC } from "hono/jsx";
import type { PlannedCheck } from "../../../live-checks/plan.ts";
import type { CheckResult } from "../../../live-checks/run.ts";
import { counted } from "../../ui/format.ts";
import { Empty, type Frame, Head, type Notice, PATH, Page } from "../../ui/layout.tsx";

interface CheckedAccount {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly label: string;
}

export interface CheckGroup {
  readonly account: CheckedAccount;
  readonly checks: readonly PlannedCheck[];
  readonly requests: number;
  readonly tokens: number;
}

export interface LiveCheckResult extends CheckResult {
  readonly title: string;
}

export interface LiveCheckProps {
  frame: Frame;
  groups: readonly CheckGroup[];
  /** What has just been run. */
  ran?: { readonly account: CheckedAccount; readonly results: readonly LiveCheckResult[] };
  notice?: Notice | undefined;
}

const ACTION = "/admin/page/live-checks";

export const LiveCheckPage: FC<LiveCheckProps> = ({ frame, groups, ran, notice }) => (
  <Page frame={frame} section="accounts" title="Live checks" notice={notice}>
    <Head
      title="Live checks"
      lead="Asks the providers whether what Kleis takes for true still is. Nothing runs by itself; each run uses your account."
    >
      <a class="button" href={PATH.accounts}>
        Back to the accounts
      </a>
    </Head>
    {ran === undefined ? null : <Results account={ran.account} results={ran.results} />}
    {groups.length === 0 ? (
      <Empty title="No account to ask with" text="Connect one, or enable one that is switched off.">
        <a class="button primary" href={PATH.accounts}>
          Accounts
        </a>
      </Empty>
    ) : (
      groups.map((group) => <Group group={group} />)
    )}
  </Page>
);

function nameOf({ name, kind }: CheckedAccount): string {
  return `${name} (${kind === "oauth" ? "plan" : "API key"})`;
}

const Group: FC<{ group: CheckGroup }> = ({ group: { account, checks, requests, tokens } }) => {
  const id = `checks-${account.id}`;
  const price = `${counted(requests, "request")}, about ${counted(tokens, "token")}`;
  return (
    <section class="provider" aria-labelledby={id}>
      <div class="provider-head">
        <h2 id={id}>{nameOf(account)}</h2>
        <span class="hint">{account.label}</span>
      </div>
      <section class="table" tabindex={0} aria-label={`The checks with ${nameOf(account)}`}>
        <table>
          <caption class="unseen">The checks with {nameOf(account)}</caption>
          <thead>
            <tr>
              <th scope="col">Check</th>
              <th scope="col">Model</th>
              <th scope="col">Requests</th>
              <th scope="col">Tokens, about</th>
            </tr>
          </thead>
          <tbody>
            {checks.map(({ check: { title, cost }, model }) => (
              <tr>
                <th scope="row">{title}</th>
                <td>{model?.id ?? "none"}</td>
                <td>{cost.requests}</td>
                <td>{cost.tokens.toLocaleString("en")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <form method="post" action={ACTION} class="bar">
        <input type="hidden" name="account" value={account.id} />
        <input type="hidden" name="requests" value={String(requests)} />
        <label>
          <input type="checkbox" name="agreed" value="yes" required /> Spend {price}
        </label>
        <button id={`run-${account.id}`} type="submit" class="primary" data-busy="Asking…">
          Run the checks
        </button>
      </form>
    </section>
  );
};

const WORDS = { agrees: "agrees", differs: "differs", unclear: "could not tell" } as const;

const Results: FC<{ account: CheckedAccount; results: readonly LiveCheckResult[] }> = ({
  account,
  results,
}) => {
  const seen = results.flatMap(({ compared }) => compared);
  const differing = seen.filter(({ verdict }) => verdict === "differs").length;
  const requests = results.reduce((sum, { spent }) => sum + spent.requests, 0);
  const tokens = results.reduce((sum, { spent }) => sum + (spent.tokens ?? 0), 0);
  const found = differing === 0 ? "Nothing differs." : `${counted(differing, "fact")} to look at.`;
  return (
    <section class="provider" aria-labelledby="found">
      <div class="provider-head">
        <h2 id="found">What {nameOf(account)} answered</h2>
      </div>
      <p role="status">
        {found} Spent {counted(requests, "request")} and {counted(tokens, "token")}.
      </p>
      <ul>
        {results.map(({ title, problem }) =>
          problem === null ? null : (
            <li>
              {title}: {problem}
            </li>
          ),
        )}
      </ul>
      <section class="table" tabindex={0} aria-label="Facts, ours and theirs">
        <table>
          <caption class="unseen">Facts, ours and theirs</caption>
          <thead>
            <tr>
              <th scope="col">Fact</th>
              <th scope="col">Verdict</th>
              <th scope="col">Ours</th>
              <th scope="col">Theirs</th>
              <th scope="col">Ours is of</th>
            </tr>
          </thead>
          <tbody>
            {seen.map(({ what, verdict, ours, theirs, date, advice }) => (
              <tr>
                <th scope="row">{what}</th>
                <td>{WORDS[verdict]}</td>
                <td>
                  <code>{ours.length > 80 ? `${ours.slice(0, 79)}…` : ours}</code>
                </td>
                <td>
                  {theirs}
                  {advice === null ? null : <p class="hint">{advice}</p>}
                </td>
                <td>{date}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
};
