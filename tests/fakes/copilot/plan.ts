/** What `/copilot_internal/user` tells of a plan (providers/copilot.md §2.1 and §4.6). */

export function copilotUser(login: string, api: string, isFree: boolean): object {
  const base = {
    login,
    access_type_sku: isFree ? "free_limited_copilot" : "monthly_subscriber",
    assigned_date: null,
    can_signup_for_limited: false,
    chat_enabled: true,
    copilot_plan: isFree ? "individual" : "individual_pro",
    organization_login_list: [],
    organization_list: [],
    endpoints: {
      api,
      telemetry: "https://telemetry.individual.githubcopilot.com",
      proxy: "https://proxy.individual.githubcopilot.com",
    },
  };
  if (isFree) {
    const counts = { chat: 41, completions: 1900 };
    return {
      ...base,
      limited_user_quotas: counts,
      monthly_quotas: { chat: 50, completions: 2000 },
      limited_user_reset_date: "2026-12-01",
    };
  }
  return {
    ...base,
    quota_reset_date: "2026-12-01",
    quota_snapshots: {
      premium_interactions: {
        quota_id: "premium_interactions",
        entitlement: 300,
        remaining: 89,
        quota_remaining: 89.1,
        percent_remaining: 29.7,
        unlimited: false,
        overage_count: 0,
        overage_permitted: false,
        token_based_billing: true,
      },
      chat: { unlimited: true, entitlement: -1 },
      completions: { unlimited: true, entitlement: -1 },
    },
  };
}
