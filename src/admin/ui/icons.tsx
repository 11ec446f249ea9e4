/** The few drawings of the page, in the colour of the text beside them. They say nothing that words do not say. */
import type { FC } from "hono/jsx";

const PATHS = {
  check: "M4.5 10.5l3.6 3.6 7.4-8",
  alert: "M10 5.5v5.2M10 13.9v.1M10 2.5l8 14.5H2z",
  close: "M5 5l10 10M15 5L5 15",
  plus: "M10 4v12M4 10h12",
  copy: "M7.5 7.5h8.5v8.5H7.5zM12.5 7.5V4H4v8.5h3.5",
  open: "M11.5 4H16v4.5M16 4l-7 7M13.5 11.5V16H4V6.5h4.5",
  star: "M10 3.2l2.1 4.4 4.8.6-3.5 3.4.9 4.8-4.3-2.4-4.3 2.4.9-4.8L3.1 8.2l4.8-.6z",
  file: "M5.5 3h6l3.5 3.5V17h-9.5zM11 3v4h4",
} as const;

export const Icon: FC<{ name: keyof typeof PATHS }> = ({ name }) => (
  <svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
    <path
      d={PATHS[name]}
      fill="none"
      stroke="currentColor"
      stroke-width="1.7"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);

export const Mark: FC = () => (
  <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
    <rect class="mark-tile" width="32" height="32" rx="9" />
    <MarkStroke />
  </svg>
);

const MarkStroke: FC = () => (
  <g class="mark-line" fill="none" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round">
    <circle cx="12.2" cy="16" r="4.7" />
    <path d="M16.9 16H25v3.6M20.9 16v2.6" />
  </g>
);

/** The same as a file of its own, for the browser's tab. */
export const ICON_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#1d5c57"/>' +
  '<g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round">' +
  '<circle cx="12.2" cy="16" r="4.7"/><path d="M16.9 16H25v3.6M20.9 16v2.6"/></g></svg>';
