/** The panels of a sign-in: the provider's terms and the choice of mode, then the code to enter or to paste. */
import type { Child, FC } from "hono/jsx";
import type { Provider, SignInMode } from "../../../providers/provider.ts";
import { type FormError, type FormFields, formErrorOf } from "../../ui/form-error.ts";
import { type Choice, Copy, FormErrorMessage, RadioChoices, TextField } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";

/** Not a sign-in: leads to the form for an existing API key. */
export const OWN_KEY = "api_key";

const FIELDS: FormFields = {
  enterprise_domain: { label: "Enterprise domain" },
  mode: { label: "How" },
  code: { label: "Code" },
};

/** An error of a sign-in step as a form error, with the page's labels. */
export function signInError(
  error: { message: string; param?: string | undefined },
  { signIn }: Provider,
): FormError {
  const { text, field } = formErrorOf(error, FIELDS);
  const nameOf = (mode: string) => signIn?.modes.find(({ id }) => id === mode)?.name ?? mode;
  const named = text.replace(/the mode "(\w+)"/g, (_, mode: string) => `“${nameOf(mode)}”`);
  return { text: named, field };
}

/** True where the provider's terms forbid one of the modes: the owner chooses, and none is chosen beforehand. */
export function mustChoose({ signIn }: Provider): boolean {
  return signIn?.modes.some(isForbidden) ?? false;
}

const isForbidden = ({ againstTerms }: SignInMode): boolean => againstTerms === true;

/** The modes to choose from; where one is against the terms also an API key that the owner has, and what is allowed first. */
function choicesOf(provider: Provider): Choice[] {
  const { signIn, kinds } = provider;
  const modes = signIn?.modes ?? [];
  const offer = (some: readonly SignInMode[]) =>
    some.map(({ id, name, hint }): Choice => ({ value: id, name, text: hint }));
  if (!mustChoose(provider)) return offer(modes);
  const ownKey: Choice = { value: OWN_KEY, name: "An API key that I have", text: signIn?.ownKeyHint };
  return [
    ...(kinds.includes("api_key") ? [ownKey] : []),
    ...offer(modes.filter((mode) => !isForbidden(mode))),
    ...offer(modes.filter(isForbidden)),
  ];
}

export const ConnectPanel: FC<{
  provider: Provider;
  mode?: string | undefined;
  domain?: string | undefined;
  error?: FormError | undefined;
}> = ({ provider, mode, domain, error }) => {
  const { id, name, terms, signIn, kinds } = provider;
  const isChoice = mustChoose(provider);
  const choices = choicesOf(provider);
  const chosen = mode ?? (isChoice ? undefined : choices[0]?.value);
  const radios =
    choices.length < 2 ? null : <RadioChoices legend="How" name="mode" choices={choices} chosen={chosen} />;
  return (
    <Panel title={`Connect ${name}`} back={PATH.accounts}>
      <form class="stack" method="post" action={`/admin/page/connect/${id}/start`}>
        {isChoice ? radios : null}
        <section class="terms" aria-labelledby="terms">
          <h2 id="terms">Before you sign in</h2>
          <Sentences text={terms} />
        </section>
        <FormErrorMessage text={error?.text} />
        {isChoice ? null : radios}
        {signIn?.initialMetadata === undefined ? null : (
          <TextField
            id="enterprise-domain"
            name="enterprise_domain"
            label="Enterprise domain (optional)"
            hint="Only for an enterprise with a domain of its own, such as company.ghe.com."
            value={domain}
            error={error}
          />
        )}
        <div class="row end">
          {kinds.includes("api_key") && !isChoice ? (
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

/** A long notice, one paragraph per sentence. */
const Sentences: FC<{ text: string }> = ({ text }) => (
  <>
    {text.split(/(?<=[.!?]) (?=[A-Z])/).map((sentence) => (
      <p>{sentence}</p>
    ))}
  </>
);

/** A sign-in in progress; hidden fields carry it from step to step. */
export interface PendingSignIn {
  readonly provider: string;
  readonly state: string;
  readonly url: string;
  readonly userCode?: string | undefined;
  readonly method: "device" | "paste";
  /** Epoch ms. */
  readonly expiresAt: number;
  /** Seconds between polls; absent where there is nothing to poll for. */
  readonly interval?: number | undefined;
}

export const SignInPanel: FC<{
  provider: Provider;
  pending: PendingSignIn;
  /** Epoch ms. */
  now: number;
  error?: FormError | undefined;
  /** Whether this follows a poll that found the sign-in unfinished. */
  isAsked?: boolean;
}> = (props) => (props.pending.method === "device" ? <DevicePanel {...props} /> : <PastePanel {...props} />);

const DevicePanel: FC<Parameters<typeof SignInPanel>[0]> = ({ provider, pending, now, error, isAsked }) => (
  <Panel title={`Connect ${provider.name}`} back={PATH.accounts}>
    <ol class="sign-in-steps">
      <li>
        <p id="user-code-label">Copy this code</p>
        <div class="user-code">
          <output id="user-code" aria-labelledby="user-code-label">
            {pending.userCode ?? ""}
          </output>
          <Copy of="user-code" what="the code" />
        </div>
      </li>
      <li>
        <p>Enter it there and allow the access</p>
        <OpenLink url={pending.url} />
      </li>
    </ol>
    <FormErrorMessage text={error?.text} />
    <Waiting
      provider={provider}
      pending={pending}
      now={now}
      text={
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

const PastePanel: FC<Parameters<typeof SignInPanel>[0]> = ({ provider, pending, now, error, isAsked }) => (
  <Panel title={`Connect ${provider.name}`} back={PATH.accounts}>
    <ol class="sign-in-steps">
      <li>
        <p>Sign in and allow the access</p>
        <OpenLink url={pending.url} />
      </li>
      <li>
        <form class="stack" method="post" action={`/admin/page/connect/${provider.id}/finish`}>
          <HiddenFields pending={pending} />
          <TextField
            id="code"
            name="code"
            label={provider.signIn?.callbackInput?.label ?? "Paste the code"}
            hint={provider.signIn?.callbackInput?.hint ?? "The last page shows it."}
            required
            autofocus={error !== undefined}
            error={error}
          />
          <FormErrorMessage text={error?.text} />
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
    {pending.interval === undefined ? (
      <p class="hint">
        This sign-in is valid for <Countdown until={pending.expiresAt} now={now} />.
      </p>
    ) : (
      <Waiting
        provider={provider}
        pending={pending}
        now={now}
        text={
          isAsked
            ? "Not yet: your browser has not come back to Kleis. Sign in there first, or paste the address it ends at."
            : "Kleis waits for your browser to come back by itself."
        }
      >
        <button type="submit">It came back</button>
      </Waiting>
    )}
  </Panel>
);

/** Polls the sign-in: by itself where the script runs, otherwise when the button is pressed. */
const Waiting: FC<{
  provider: Provider;
  pending: PendingSignIn;
  now: number;
  text: string;
  children?: Child;
}> = ({ provider, pending, now, text, children }) => (
  <form
    class="waiting"
    method="post"
    action={`/admin/page/connect/${provider.id}/check`}
    data-poll={String(pending.interval ?? 5)}
  >
    <HiddenFields pending={pending} />
    <p class="status off">
      <span class="spinner js-only" aria-hidden="true" />
      <span>
        <span data-poll-text>{text}</span>{" "}
        <span class="left">
          {pending.method === "device" ? "The code" : "This sign-in"} is valid for{" "}
          <Countdown until={pending.expiresAt} now={now} />.
        </span>
      </span>
    </p>
    <div class="no-js">{children}</div>
  </form>
);

const HiddenFields: FC<{ pending: PendingSignIn }> = ({ pending }) => (
  <>
    <input type="hidden" name="state" value={pending.state} />
    <input type="hidden" name="url" value={pending.url} />
    <input type="hidden" name="user_code" value={pending.userCode ?? ""} />
    <input type="hidden" name="method" value={pending.method} />
    <input type="hidden" name="expires_at" value={String(pending.expiresAt)} />
    <input
      type="hidden"
      name="interval"
      value={pending.interval === undefined ? "" : String(pending.interval)}
    />
  </>
);

const OpenLink: FC<{ url: string }> = ({ url }) => (
  <a class="button primary" href={url} target="_blank" rel="noopener noreferrer">
    Open {hostOf(url)}
    <Icon name="open" />
    <span class="unseen"> (in a new tab)</span>
  </a>
);

/** Minutes and seconds, counted down by the script. */
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
