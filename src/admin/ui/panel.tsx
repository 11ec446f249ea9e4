/** A panel as a page of its own; the script takes it out and shows it in a dialog. */
import type { Child } from "hono/jsx";
import { type PageContext, render } from "../pages/context.ts";
import { Page, type Section } from "./layout.tsx";

export function showPanel(
  c: PageContext,
  section: Section,
  title: string,
  panel: Child,
): Response | Promise<Response> {
  return render(
    c,
    <Page frame={c.get("frame")} section={section} title={title}>
      {panel}
    </Page>,
  );
}
