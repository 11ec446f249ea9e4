/** The frame of every page: head, landmarks, navigation, the notice of what was just done, and the panel. */
import type { Child, FC } from "hono/jsx";
import { VERSION } from "../../version.ts";
import { Icon, Mark } from "./icons.tsx";

/** What every page is drawn with. */
export interface Frame {
  /** Of this answer's script and style. */
  readonly nonce: string;
  /** Epoch ms. */
  readonly now: number;
  /** The address at which this deployment is reached. */
  readonly origin: string;
}

export type Section = "accounts" | "keys" | "use" | "models";

/** Where each page is. */
export const PATH = {
  accounts: "/admin",
  keys: "/admin/page/keys",
  use: "/admin/page/use",
  models: "/admin/page/models",
} as const satisfies Record<Section, string>;

const NAV: readonly [Section, string][] = [
  ["accounts", "Accounts"],
  ["keys", "Keys"],
  ["use", "Use it"],
  ["models", "Models"],
];

/** What was just done, or why it was not. */
export interface Notice {
  readonly tone: "good" | "bad";
  readonly text: string;
}

export const Document: FC<{ frame: Frame; title: string; children?: Child }> = ({
  frame,
  title,
  children,
}) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="robots" content="noindex" />
      <title>{`${title} · Kleis`}</title>
      <link rel="icon" type="image/svg+xml" href="/admin/icon.svg" />
      <link rel="stylesheet" href="/admin/app.css" nonce={frame.nonce} />
      <script src="/admin/app.js" nonce={frame.nonce} />
    </head>
    <body>{children}</body>
  </html>
);

export const Page: FC<{
  frame: Frame;
  section: Section;
  title: string;
  notice?: Notice | undefined;
  children?: Child;
}> = ({ frame, section, title, notice, children }) => (
  <Document frame={frame} title={title}>
    <a class="skip" href="#main">
      Skip to the content
    </a>
    <header class="top">
      <div class="top-row">
        <a class="brand" href={PATH.accounts}>
          <Mark />
          <span>Kleis</span>
        </a>
        <nav aria-label="Main">
          {NAV.map(([id, name]) => (
            <a href={PATH[id]} {...(id === section ? { "aria-current": "page" } : {})}>
              {name}
            </a>
          ))}
        </nav>
        <form method="post" action="/admin/logout" data-plain>
          <button class="quiet" type="submit">
            Log out
          </button>
        </form>
      </div>
    </header>
    <main id="main" tabindex={-1}>
      {notice === undefined ? null : <NoticeBar notice={notice} />}
      {children}
    </main>
    <footer class="foot">
      <p>Kleis {VERSION} · for one owner’s own accounts and own use</p>
    </footer>
  </Document>
);

export const NoticeBar: FC<{ notice: Notice }> = ({ notice }) => (
  <p class={`notice ${notice.tone}`} role={notice.tone === "bad" ? "alert" : "status"} data-notice>
    <Icon name={notice.tone === "bad" ? "alert" : "check"} />
    <span>{notice.text}</span>
  </p>
);

/** The head of a page: its title, what it is for, and what can be begun here. */
export const Head: FC<{ title: string; lead: string; children?: Child }> = ({ title, lead, children }) => (
  <div class="head">
    <div>
      <h1 tabindex={-1}>{title}</h1>
      <p class="lead">{lead}</p>
    </div>
    {children ? <div class="row">{children}</div> : null}
  </div>
);

/**
 * One step of something: a page of its own, which the script shows in a dialog on the page it was begun on.
 * `back` is where closing leads.
 */
export const Panel: FC<{ title: string; back: string; children?: Child }> = ({ title, back, children }) => (
  <article class="panel" data-panel>
    <div class="panel-head">
      <h1 id="panel-title" tabindex={-1}>
        {title}
      </h1>
      <a class="icon-button" href={back} data-close aria-label="Close">
        <Icon name="close" />
      </a>
    </div>
    {children}
  </article>
);

/** An empty place that says what comes first. */
export const Empty: FC<{ title: string; text: string; children?: Child }> = ({ title, text, children }) => (
  <div class="empty">
    <h2>{title}</h2>
    <p>{text}</p>
    {children ? <div class="row">{children}</div> : null}
  </div>
);
