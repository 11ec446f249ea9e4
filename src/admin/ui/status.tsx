/** How a thing stands, when something was, and what is known of it: the small lines of cards and lists. */
import type { Child, FC } from "hono/jsx";
import { relative, type Status } from "./format.ts";

export const StatusLine: FC<{ status: Status }> = ({ status: { tone, text, why } }) => (
  <p class={`status ${tone}`}>
    <span class="dot" aria-hidden="true" />
    <span>
      <strong>{text}</strong>
      {why === undefined ? null : <span class="why">{why}</span>}
    </span>
  </p>
);

/** A time in words, exact on hovering; `at` and `now` in epoch ms. */
export const Time: FC<{ at: number; now?: number; before?: string; children?: Child }> = ({
  at,
  now,
  before,
  children,
}) => {
  const exact = new Date(at).toISOString();
  return (
    <time datetime={exact} title={`${exact.slice(0, 16).replace("T", " ")} UTC`}>
      {before === undefined ? "" : `${before} `}
      {children ?? (now === undefined ? exact.slice(0, 10) : relative(at, now))}
    </time>
  );
};

export const Fact: FC<{ name: string; children?: Child }> = ({ name, children }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
