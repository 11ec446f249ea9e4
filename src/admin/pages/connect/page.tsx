/** Signing in at a provider, step by step: what it allows, the way, the code to type or to paste, and how it ended. */
import type { Child, FC } from "hono/jsx";
import type { Provider } from "../../../providers/provider.ts";
import { type Fault, type FormFields, faultOf } from "../../ui/form-error.ts";
import { type Choice, Copy, RadioChoices, Refused, TextField } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";

/** What a way of signing in is called, by its name in the API. */
const MODES: Readonly<Record<string, { name: string; words: string }>> = {
  device: {
    name: "Type a code on their page",
    words: "On any device, wherever Kleis runs. Some workspaces must allow it first.",
  },
  browser: {
    name: "Sign in with this browser",
    words: "Ends at an address of this machine: Kleis receives it when it runs here, else you paste it.",
  },
  api_key: {
    name: "An API key that I have",
    words: "Allowed by Anthropic. Billed per token.",
  },
  console: {
    name: "A new API key",
    words:
      "Allowed by Anthropic. Billed per token. You sign in at the Console once, and Kleis keeps only the key.",
  },
  max: {
    name: "My Claude plan",
    words: "Against Anthropic’s rules for tools other than its own: the account may be suspended.",
  },
};

/** Not a sign-in: leads to the form for a key that the owner has. */
export const OWN_KEY = "api_key";

const FIELDS: FormFields = {
  enterprise_domain: { label: "Enterprise domain" },
  mode: { label: "How" },
  code: { label: "Code" },
};

/** What the API says of a step of a sign-in, in the page's words. */
export function signInFault(error: { message: string; param?: string | undefined }): Fault {
  const { words, field } = faultOf(error, FIELDS);
  const named = words.replace(/the mode "(\w+)"/g, (_, mode: string) => `“${MODES[mode]?.name ?? mode}”`);
  return { words: named, field };
}

export const ConnectPanel: FC<{
  provider: Provider;
  mode?: string | undefined;
  domain?: string | undefined;
  refused?: Fault | undefined;
}> = ({ provider, mode, domain, refused }) => {
  const { id, name, notice, signIn, kinds } = provider;
  const { modes = [], mustChoose = false } = signIn ?? {};
  const known = Object.keys(MODES);
  // Where an owner has to choose, what the provider allows stands first, in the order of the table.
  const ways = mustChoose
    ? [OWN_KEY, ...modes].sort((a, b) => known.indexOf(a) - known.indexOf(b))
    : [...modes];
  const choices: Choice[] = ways.map((value) => ({ value, name: value, ...MODES[value] }));
  const chosen = mode ?? (mustChoose ? undefined : choices[0]?.value);
  const radios =
    choices.length < 2 ? null : <RadioChoices legend="How" name="mode" choices={choices} chosen={chosen} />;
  return (
    <Panel title={`Connect ${name}`} back={PATH.accounts}>
      <form class="stack" method="post" action={`/admin/page/connect/${id}/start`}>
        {mustChoose ? radios : null}
        <section class="terms" aria-labelledby="terms">
          <h2 id="terms">Before you sign in</h2>
          <Sentences text={notice} />
        </section>
        <Refused words={refused?.words} />
        {mustChoose ? null : radios}
        {signIn?.about === undefined ? null : (
          <TextField
            id="enterprise-domain"
            name="enterprise_domain"
            label="Enterprise domain (optional)"
            hint="Only for an enterprise with a domain of its own, such as company.ghe.com."
            value={domain}
            fault={refused}
          />
        )}
        <div class="row end">
          {kinds.includes("api_key") && !mustChoose ? (
            <a class="button" href={`/admin/page/import?kind=api_key&provider=${id}`} data-panel-link>
              Use an API key instead
            </a>
          ) : null}
          <button class="primary" type="submit" data-busy="Starting…">
            Continue
          </button>
        </div>
      </form>
    </Panel>
  );
};

/** A long notice, sentence by sentence, so that it is read. */
const Sentences: FC<{ text: string }> = ({ text }) => (
  <>
    {text.split(/(?<=[.!?]) (?=[A-Z])/).map((sentence) => (
      <p>{sentence}</p>
    ))}
  </>
);

/** A sign-in that has begun, as `oauth/start` answered it; the hidden fields carry it from step to step. */
export interface Begun {
  readonly provider: string;
  readonly state: string;
  readonly url: string;
  readonly userCode?: string | undefined;
  readonly method: "device" | "paste";
  /** Epoch ms. */
  readonly expiresAt: number;
  /** Seconds until the next question; absent where there is nothing to ask for. */
  readonly interval?: number | undefined;
}

export const SignInPanel: FC<{
  provider: Provider;
  begun: Begun;
  /** Epoch ms. */
  now: number;
  refused?: Fault | undefined;
  /** Whether this answers the question how far it is; it is not through. */
  isAsked?: boolean;
}> = (props) => (props.begun.method === "device" ? <DevicePanel {...props} /> : <PastePanel {...props} />);

const DevicePanel: FC<Parameters<typeof SignInPanel>[0]> = ({ provider, begun, now, refused, isAsked }) => (
  <Panel title={`Connect ${provider.name}`} back={PATH.accounts}>
    <ol class="way">
      <li>
        <p id="user-code-words">Copy this code</p>
        <div class="user-code">
          <output id="user-code" aria-labelledby="user-code-words">
            {begun.userCode ?? ""}
          </output>
          <Copy of="user-code" what="the code" />
        </div>
      </li>
      <li>
        <p>Enter it there and allow the access</p>
        <OpenLink url={begun.url} />
      </li>
    </ol>
    <Refused words={refused?.words} />
    <Waiting
      provider={provider}
      begun={begun}
      now={now}
      words={
        isAsked
          ? "Not yet: enter the code there and allow the access, then press again."
          : "Waiting for you to enter it."
      }
    >
      <button class="primary" type="submit">
        I have entered it
      </button>
    </Waiting>
  </Panel>
);

const PastePanel: FC<Parameters<typeof SignInPanel>[0]> = ({ provider, begun, now, refused, isAsked }) => (
  <Panel title={`Connect ${provider.name}`} back={PATH.accounts}>
    <ol class="way">
      <li>
        <p>Sign in and allow the access</p>
        <OpenLink url={begun.url} />
      </li>
      <li>
        <form class="stack" method="post" action={`/admin/page/connect/${provider.id}/finish`}>
          <Carried begun={begun} />
          <TextField
            id="code"
            name="code"
            label={provider.signIn?.pastes?.label ?? "Paste the code"}
            hint={provider.signIn?.pastes?.hint ?? "The last page shows it."}
            required
            autofocus={refused !== undefined}
            fault={refused}
          />
          <Refused words={refused?.words} />
          <div class="row end">
            <a class="button" href={`/admin/page/connect/${provider.id}`} data-panel-link>
              Start again
            </a>
            <button class="primary" type="submit" data-busy="Finishing…">
              Finish
            </button>
          </div>
        </form>
      </li>
    </ol>
    {begun.interval === undefined ? (
      <p class="hint">
        This sign-in is valid for <Countdown until={begun.expiresAt} now={now} />.
      </p>
    ) : (
      <Waiting
        provider={provider}
        begun={begun}
        now={now}
        words={
          isAsked
            ? "Not yet: your browser has not come back to Kleis. Sign in there first, or paste the address that it ends at."
            : "Kleis waits for your browser to come back by itself."
        }
      >
        <button type="submit">It came back</button>
      </Waiting>
    )}
  </Panel>
);

/** Asks how far it is: by itself where the script runs, else when the button is pressed. */
const Waiting: FC<{ provider: Provider; begun: Begun; now: number; words: string; children?: Child }> = ({
  provider,
  begun,
  now,
  words,
  children,
}) => (
  <form
    class="waiting"
    method="post"
    action={`/admin/page/connect/${provider.id}/check`}
    data-wait={String(begun.interval ?? 5)}
  >
    <Carried begun={begun} />
    <p class="state off">
      <span class="spinner js-only" aria-hidden="true" />
      <span>
        <span data-wait-words>{words}</span>{" "}
        <span class="left">
          {begun.method === "device" ? "The code" : "This sign-in"} is valid for{" "}
          <Countdown until={begun.expiresAt} now={now} />.
        </span>
      </span>
    </p>
    <div class="no-js">{children}</div>
  </form>
);

const Carried: FC<{ begun: Begun }> = ({ begun }) => (
  <>
    <input type="hidden" name="state" value={begun.state} />
    <input type="hidden" name="url" value={begun.url} />
    <input type="hidden" name="user_code" value={begun.userCode ?? ""} />
    <input type="hidden" name="method" value={begun.method} />
    <input type="hidden" name="expires_at" value={String(begun.expiresAt)} />
    <input type="hidden" name="interval" value={begun.interval === undefined ? "" : String(begun.interval)} />
  </>
);

const OpenLink: FC<{ url: string }> = ({ url }) => (
  <a class="button primary" href={url} target="_blank" rel="noopener noreferrer">
    Open {hostOf(url)}
    <Icon name="open" />
    <span class="unseen"> (in a new tab)</span>
  </a>
);

/** Minutes and seconds, which the script counts down. */
const Countdown: FC<{ until: number; now: number }> = ({ until, now }) => {
  const left = Math.max(0, Math.round((until - now) / 1000));
  return (
    <span class="countdown" data-countdown={String(left)}>
      {`${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`}
    </span>
  );
};

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the page";
}
