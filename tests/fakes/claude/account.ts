/** What the account endpoints of Claude tell (providers/claude.md §1.9). */

export function profile(uuid: string): object {
  return {
    account: {
      uuid,
      email: "me@example.com",
      full_name: "Me",
      display_name: "Me",
      has_claude_max: true,
      has_claude_pro: false,
    },
    organization: {
      uuid: "org-fake-1",
      name: "Me",
      organization_type: "claude_max",
      rate_limit_tier: "default_claude_max_5x",
    },
  };
}

export function usageBody(now: number): object {
  const resets = (hours: number): string => new Date(now + hours * 3_600_000).toISOString();
  return {
    five_hour: { utilization: 53, resets_at: resets(3) },
    seven_day: { utilization: 8, resets_at: resets(100) },
    seven_day_opus: null,
    seven_day_sonnet: null,
    seven_day_oauth_apps: null,
    extra_usage: {
      is_enabled: false,
      monthly_limit: null,
      used_credits: null,
      utilization: null,
      currency: null,
    },
    limits: [
      {
        kind: "session",
        group: "session",
        percent: 53,
        severity: "normal",
        resets_at: resets(3),
        scope: null,
        is_active: true,
      },
    ],
    something_new: { unknown: true },
  };
}
