/**
 * A provider as the rest of Kleis sees it. Everything specific to one is in its folder and reached through this interface.
 * A provider decides and describes; it does no I/O of its own and knows neither storage nor HTTP framework.
 */
import type { Config, VariableKinds } from "../config.ts";
import type { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Change, Edit, JsonBody } from "../protocols/body.ts";
import type { Splice } from "../protocols/json-edit.ts";
import type { Operation, Protocol } from "../protocols/protocol.ts";
import type { EventRewriter } from "../protocols/sse/event.ts";
import type { TargetTraits } from "../protocols/translate/traits.ts";
import type { Credential, CredentialKind, NamedAccount, ProviderAccount } from "./account.ts";
import type { Fact } from "./fact.ts";
import type { LiveCheck } from "./live-check.ts";
import type { Refusal, Refused } from "./refusal.ts";
import type { RegistryModel } from "./registry-model.ts";
import type { SecretShape } from "./secret-shape.ts";

export interface PrepareInput {
  readonly operation: Operation;
  readonly body: JsonBody;
  /** The model's id as the provider spells it; the body may still hold the client's spelling. */
  readonly model: string;
  /** The client's query string, without `?`; empty when there is none. */
  readonly query: string;
  /** The client's headers. Forward by allowlist only. */
  readonly headers: Headers;
  readonly account: ProviderAccount;
  readonly credential: Credential;
  /**
   * Leave the sealed reasoning of earlier turns out: the provider has refused it (`sealRefused`), or it is another
   * account's. Absent: it goes along.
   */
  readonly unsealed?: "refused" | "foreign";
  /** Id of the issued key, to keep tenants apart in derived session ids; and when it was issued, epoch ms. */
  readonly keyId: string;
  readonly keyCreatedAt: number;
  /** Epoch ms. */
  readonly now: number;
  readonly config: Config;
}

/** A model as one account answers for it in one protocol. */
export interface TraitsInput {
  readonly protocol: Protocol;
  /** The model's id as the provider spells it. */
  readonly model: string;
  readonly account: Pick<ProviderAccount, "id" | "kind">;
  /** As it is listed for the account; undefined where it is not. */
  readonly described: RegistryModel | undefined;
}

/** A request for an operation that the account answers natively. */
export interface InsteadInput {
  readonly operation: Operation;
  readonly model: string;
  readonly account: Pick<ProviderAccount, "id" | "kind">;
  readonly body: JsonObject;
  readonly config: Config;
}

/** How the provider's response becomes what the client asked for. All absent: bytes pass as they come. */
export interface ResponsePlan {
  /** Adapts the provider's response headers that the client gets, in place. */
  readonly headers?: (headers: Headers) => void;
  /** A rewriter for the events of one stream; called once per stream. */
  readonly stream?: () => EventRewriter;
  /** The edits that a JSON response needs, from its value; without any it passes as the bytes that came. */
  readonly json?: (value: JsonObject) => readonly Splice[];
  /** The client does not stream but the provider only does: aggregate the events into one JSON response. */
  readonly aggregate?: boolean;
  /** The provider may end a stream without the protocol's last event once the response is complete; Kleis adds it. */
  readonly mayOmitTerminator?: boolean;
  /** The provider sends keep-alives in its streams itself, so that Kleis need not put any between its events. */
  readonly sendsKeepAlive?: boolean;
  /** True for the type of an event that may come before the provider refuses the request within a stream. */
  readonly isOpening?: (type: string) => boolean;
  /** About how many bytes of memory the plan keeps until the response has ended; absent: next to none. */
  readonly keptBytes?: number;
  /**
   * Replaces an error that means something else than it says; null: it stands as it came, put into the caller's shape where
   * it has none.
   */
  readonly error?: (status: number, contentType: string, body: string) => ErrorResponse | null;
}

/** Headers of a provider's responses, in lower case, beside those that any provider may send. */
export interface ResponseHeaders {
  /** What its clients act upon, and so get; a name that ends with `-` stands for all that begin so. */
  readonly passed: readonly string[];
  /** Those that name a request, best first. Passed too, and logged: the provider's support asks for the id. */
  readonly requestIds: readonly string[];
}

/** An error in the caller's protocol; the upstream's status stays where none is given. */
export interface ErrorResponse {
  readonly status?: number;
  readonly body: JsonObject;
}

/** A request ready to send. The pipeline applies the edits; their names are what `x-kleis-changes` declares. */
export interface PreparedRequest {
  readonly url: string;
  /** The complete set: nothing of the client's is added to it later. */
  readonly headers: Headers;
  readonly edits: readonly Edit[];
  /** Changes that are not body edits but that the client should know of. */
  readonly changes?: readonly Change[];
  /** True when the provider responds with an event stream. */
  readonly streams: boolean;
  /**
   * True for the text of a 400 that refuses sealed reasoning which another account or backend made: then the request is
   * prepared once more, `unsealed`, and sent again. Absent where the request holds none.
   */
  readonly sealRefused?: (refusal: string) => boolean;
  /** What the owner can do where none of the account's hosts serves it (421), shown together with the provider's own words. */
  readonly servedNowhere?: string;
  readonly response: ResponsePlan;
}

/** An account as found in an import, before it is stored. */
export interface ImportedAccount {
  provider: string;
  kind: CredentialKind;
  /** Undefined where the material does not say; then a fingerprint of the secret stands in. */
  externalId?: string;
  label?: string;
  metadata: JsonObject;
  /** Epoch ms; null when the token has no known end. */
  expiresAt: number | null;
  accessToken: string | null;
  refreshToken: string | null;
  idToken: string | null;
  apiKey: string | null;
}

/** Tokens or a key as `POST /admin/accounts/import` takes them. */
export type ImportInput =
  | {
      kind: "oauth";
      accessToken?: string;
      refreshToken?: string;
      /** Epoch ms. */
      expiresAt?: number;
      accountId?: string;
      label?: string;
    }
  | { kind: "api_key"; apiKey: string; label?: string };

/** The file in which an agent keeps its login to the provider. */
export interface CredentialFile {
  /** The agent's name. */
  readonly agent: string;
  /** Where it stands, from the home directory: `~/.agent/auth.json`. */
  readonly path: string;
  /** The command that prints it on macOS, where the agent keeps it in the keychain. */
  readonly keychainCommand?: string;
}

/** A login or key that an agent's credential file holds. */
export interface FileEntry {
  /** How the file calls it. */
  readonly name: string;
  /** Throws `KleisError("invalid_request")` when something needed is missing or wrong. */
  read(): ImportedAccount;
}

/** The network as a provider may use it to sign in, refresh and look around: one origin allowlist, no redirect. */
export interface IdentityFetch {
  /** Sends through `send.ts`; rejects with `KleisError` when there is no response. Fits oauth4webapi's `customFetch`. */
  fetch(url: string, init: { method: string; headers: Headers; body?: string | null }): Promise<Response>;
  /** Epoch ms. */
  now(): number;
  random(bytes: number): Uint8Array<ArrayBuffer>;
}

/** An account's secrets, as a provider gets them for a refresh. */
export interface RefreshInput {
  readonly account: ProviderAccount;
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
  readonly config: Config;
}

/** What became of one call for fresh tokens. `reason` is in words for the owner and never holds a secret. */
export type RefreshResult =
  | {
      status: "refreshed";
      /** Null, as with the others: the provider sent none, the stored one stays. */
      accessToken: string | null;
      refreshToken: string | null;
      idToken: string | null;
      /** Epoch ms; null when it has no known end. */
      expiresAt: number | null;
      /** Merged into the account's metadata. */
      metadata?: JsonObject;
    }
  | { status: "valid"; metadata?: JsonObject } // there is nothing to rotate; the token was found to be good
  | { status: "rejected"; reason: string } // the provider says that this login is over; believed only after a re-read
  | { status: "unavailable"; reason: string; retryAfterMs?: number }; // for now

/** What a sign-in begins with. */
export interface SignInStart {
  /** One of `SignIn.modes`. */
  readonly mode: string;
  /** What `SignIn.initialMetadata` made of the request. */
  readonly metadata: JsonObject;
  /** Random and unguessable; the OAuth `state` where the browser comes back with one. */
  readonly state: string;
  readonly config: Config;
}

/** A sign-in that has begun: what the owner is shown, and what stays in the store. */
export interface StartedSignIn {
  /** `device`: enter `userCode` at `url` and poll; `paste`: open `url`, then paste what it ends with. */
  readonly method: "device" | "paste";
  readonly url: string;
  readonly userCode?: string;
  /** Seconds between polls. */
  readonly interval?: number;
  /** How long the provider keeps it, ms. */
  readonly lifetimeMs?: number;
  /** Where on the browser's own machine it is sent back to. */
  readonly callback?: { readonly port: number; readonly path: string };
  /** What `complete` needs (PKCE verifier, device code, …); sealed at rest, never shown. */
  readonly secret: JsonObject;
}

export interface SignInComplete extends SignInStart {
  readonly secret: JsonObject;
  /** What the owner pasted or the browser brought; absent when a device sign-in is polled. */
  readonly code?: string;
}

/** The outcome of one step. */
export type SignInOutcome =
  | { status: "connected"; account: ImportedAccount }
  /** Not entered yet: poll again after `intervalMs`, with this secret. */
  | { status: "pending"; secret: JsonObject; intervalMs: number }
  /** The step failed; the sign-in continues with this secret. A thrown `KleisError` keeps the one there was. */
  | { status: "failed"; error: KleisError; secret: JsonObject }
  /** It ended without an account: denied, expired or unusable. */
  | { status: "ended"; error: KleisError };

/** One of the ways to sign in. */
export interface SignInMode {
  /** Its name in the API. */
  readonly id: string;
  /** What the owner chooses it by, and what he should know of it. */
  readonly name: string;
  readonly hint: string;
  /** True where the provider's terms forbid it. Then the owner has to choose a mode: none is chosen beforehand. */
  readonly againstTerms?: boolean;
}

/** How an owner signs in at the provider. One call of `complete` polls at most once. */
export interface SignIn {
  /** Default first. */
  readonly modes: readonly SignInMode[];
  /** What the owner should know of an API key of his own, where it is offered beside modes that the terms forbid. */
  readonly ownKeyHint?: string;
  /** What the owner is asked to paste, and where he finds it. Present where a mode ends with something to paste. */
  readonly callbackInput?: { readonly label: string; readonly hint: string };
  /**
   * Decides what is known of the account beforehand (its enterprise domain). Throws `KleisError("invalid_request")`.
   * Absent where nothing can be chosen.
   */
  initialMetadata?(enterpriseDomain: string | undefined, config: Config): JsonObject;
  start(input: SignInStart, identity: IdentityFetch): Promise<StartedSignIn>;
  complete(input: SignInComplete, identity: IdentityFetch): Promise<SignInOutcome>;
}

/** How a provider's models are offered in a registry of models.dev's shape (registry.md §3). */
export interface RegistryOffer {
  /** Display name of the entry. */
  readonly name: string;
  /** The AI SDK package that speaks to the provider's forced route. */
  readonly npm: string;
  /** The package for a model that answers these operations (best first), where models differ. */
  npmOf?(operations: readonly Operation[]): string;
  /** The model as accounts of these kinds answer for it (cost, modes); the argument stays as it is. */
  shape(model: RegistryModel, kinds: readonly CredentialKind[]): RegistryModel;
}

/** A model as an account's own list tells of it. */
export interface ListedModel {
  readonly id: string;
  /** Best first; never empty. */
  readonly operations: readonly Operation[];
  /** In tokens, as far as the list says; the rest is the registry's. */
  readonly limit: { readonly context?: number; readonly output?: number; readonly input?: number };
  /** Describes it where the registry does not know it. */
  readonly model: RegistryModel;
  /** True for one that the provider offers in no list, but answers for. */
  readonly hidden?: true | undefined;
  /**
   * The provider's own row as it came, where its own clients read more of it than Kleis does. It may hold the vendor's
   * prompts: stored sealed, and given to clients with a key alone.
   */
  readonly row?: JsonObject | undefined;
}

/** The versions (`major.minor.patch`) of the provider's own client, where it leaves out of a list what is too new for one. */
export interface ClientVersions {
  /** The release that a user-agent names; null for other clients. Anyone can write one: it is only ever a wish for more. */
  namedIn(userAgent: string): string | null;
  isOlder(a: string, b: string): boolean;
  /** The one to ask with. `seen`: the newest that a client has named. */
  wanted(config: Config, seen: string | null): string;
}

/** The list of models that the provider keeps for each account. */
export interface ModelList {
  /** The kinds of account that have one. */
  readonly kinds: readonly CredentialKind[];
  /** Absent where the provider lists the same for every client. */
  readonly versions?: ClientVersions;
  /** A GET to one of the account's origins. Throws `KleisError` when it cannot be asked. */
  request(
    account: ProviderAccount,
    credential: Credential,
    config: Config,
    /** Of `versions`, what is wanted. */
    version?: string,
  ): { readonly url: string; readonly headers: Headers };
  /**
   * The models that the account may use, odd rows left out: none of them where the list says so of every model. Null when
   * it is no such list, or not one row of it can be read.
   */
  decode(body: unknown): ListedModel[] | null;
  /** Present where the list comes in pages. */
  readonly pages?: ListPages;
  /**
   * Further ids by which a model of the list answers, where the registry knows them: the list names a dated id, the
   * registry also the one without its date. Absent: none.
   */
  aliases?(id: string): readonly string[];
}

/** How the pages of a list follow each other. */
export interface ListPages {
  /**
   * The address of the page after the one that `url` has given; null where that was the last, and an address that was
   * asked already where the list goes on without saying where.
   */
  next(url: string, body: unknown): string | null;
  /** The pages in order as one body, as `decode` takes it; null when one of them is no page. */
  join(bodies: readonly unknown[]): unknown;
}

export interface LiveChecks {
  readonly all: readonly LiveCheck[];
  /** Models to ask: the first of these that an account serves a fitting model of. */
  readonly models: readonly RegExp[];
}

/** How a provider stands to a model's family: it made it (`own`), it carries it, or neither. */
export type Ownership = "own" | "carried" | null;

export interface Provider {
  /** Short, lower-case, the vocabulary of routes and scopes: `claude`, `codex`, `copilot`. */
  readonly id: string;
  readonly name: string;
  /** Further first segments of a model id that mean this provider (`anthropic/…`); `id` and `kleis-<id>` are implied. */
  readonly aliases: readonly string[];
  /** True for a provider whose models are listed with its prefix in `/v1/models`. */
  readonly listPrefixed: boolean;
  /** The models.dev provider that its models are described under. */
  readonly source: string;
  /** What the provider publicly allows and what not, in plain words for the owner. */
  readonly terms: string;
  /** What the owner has to know before requests move from one account of it to another, in plain words. */
  readonly failoverNotice: string;
  /** Its environment variables; its folder adds them to `Config`. */
  readonly variables: VariableKinds;
  /** What may change at the provider, as Kleis takes it to be now, each with date and source. */
  facts(config: Config): readonly Fact[];
  /** What it can be asked about those facts with an owner's account. */
  readonly liveChecks: LiveChecks;
  /** The kinds of account it knows. */
  readonly kinds: readonly CredentialKind[];
  /**
   * Metadata of an account that the owner is shown beside what has a common meaning: `email`, `login`, `name`, `plan`,
   * `organization`, `domain`, and `login_expires_at` (epoch ms). Other metadata stays hidden.
   */
  readonly shownMetadata?: readonly string[];
  /** Names of its plans for people, by its own words for them (an account's metadata `plan`). */
  readonly plans?: ReadonlyMap<string, string>;

  /** How it stands to the family of a lower-case, bare model id. */
  ownership(model: string, kinds: ReadonlySet<CredentialKind>): Ownership;
  /** The ways this provider may spell an id, best first; the id as given is among them. */
  spellings(model: string): string[];
  /** True when an account of this kind answers for this model of the source registry; adjusts nothing. */
  serves(model: RegistryModel, kind: CredentialKind): boolean;
  /** The limits that hold for an account of this kind, where they differ from the registry's. */
  modelLimits(model: RegistryModel, kind: CredentialKind): RegistryModel["limit"];
  /** What an account of this kind can be asked for with this model, best first; empty when nothing. */
  operations(model: string, kind: CredentialKind): Operation[];
  readonly registry: RegistryOffer;
  /** Absent where the provider keeps no list that says more than the registry. */
  readonly modelList?: ModelList;
  /** The origins (`https://host[:port]`) that a request for this account may go to. */
  origins(account: ProviderAccount, config: Config): string[];
  /** Builds the request. Throws `KleisError` when it cannot be sent as asked. */
  prepare(input: PrepareInput): PreparedRequest | Promise<PreparedRequest>;
  /** What the model takes of a request that is translated into this protocol. */
  traits(input: TraitsInput): TargetTraits;
  /**
   * Another operation of the same account that answers a request which this one is known to refuse; null: the one that was
   * called. Absent: never another.
   */
  instead?(input: InsteadInput): Operation | null;
  readonly responseHeaders: ResponseHeaders;
  /** Names a refusal by the provider's table: its class, what it holds for, until when, and what the owner can do. */
  classify(refused: Refused): Refusal;

  /**
   * Present in the headers of a response that passes though a window is used up, since the plan buys extra usage; `until`:
   * when the window resets, Unix seconds by the provider's clock (`now`, epoch ms). Absent where nothing of the kind exists.
   */
  extraUsage?(headers: Headers, now: number): { readonly until: number | null } | null;

  /** The ways to sign in. Absent where accounts can only be imported. */
  readonly signIn?: SignIn;
  /**
   * The origins that a sign-in, a refresh or a look around for an account with this metadata may go to; present where
   * `signIn` or `refresh` is. Throws `KleisError("provider_not_configured")` when the account's domain is not allowed.
   */
  identityOrigins?(metadata: JsonObject, config: Config): string[];
  /** True where `refresh` redeems a refresh token: an account that holds none has nothing to refresh. */
  readonly rotates?: boolean;
  /** Asks for fresh tokens, or validates the one there is. Absent where accounts have nothing to refresh. */
  refresh?(input: RefreshInput, identity: IdentityFetch): Promise<RefreshResult>;

  /**
   * Whether an account that is stored under another name is the one that was found: brought in before it was known whose
   * it is, or under a part of its name. Absent: never.
   */
  isSame?(stored: NamedAccount, found: NamedAccount): boolean;

  /** Makes an account of tokens or a key. Throws `KleisError("invalid_request")` when something needed is missing. */
  importAccount(input: ImportInput): ImportedAccount;
  /** What an agent's credential file holds of this provider; empty when it is not one it knows. */
  importFile(file: JsonObject): FileEntry[];
  /** The files of its own agents that `importFile` knows. OpenCode's, which holds logins of every provider, is implied. */
  readonly credentialFiles?: readonly CredentialFile[];
  /** How its secrets begin. */
  readonly secretShapes: readonly SecretShape[];
  /**
   * A free request that tells whether an API key is accepted: 401 and 403 refuse it, 2xx accepts it, anything else says
   * nothing. Absent where the provider has no API keys.
   */
  checkKey?(
    apiKey: string,
    config: Config,
  ): { readonly url: string; readonly headers: Headers; readonly origins: readonly string[] };
}
