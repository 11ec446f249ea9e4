/** A model as the registry describes it (registry.md §1), as far as Kleis needs it. */
export interface RegistryModel {
  readonly id: string;
  readonly name: string;
  readonly family?: string;
  readonly reasoning: boolean;
  readonly tool_call: boolean;
  readonly attachment?: boolean;
  readonly release_date: string;
  readonly status?: string;
  readonly modalities: { readonly input: readonly string[]; readonly output: readonly string[] };
  readonly limit: { readonly context: number; readonly output: number; readonly input?: number };
  /** Passed on as they stand; not decoded. */
  readonly cost?: unknown;
  readonly experimental?: unknown;
  readonly reasoning_options?: unknown;
}
