/** Generated from `migrations/` by `scripts/generate-migrations.mjs`. Do not edit. */
export const migrations = [
  {
    "when": 1795345353689,
    "hash": "4b579ef3b71eee3f1d902225547a56fbfd4150ed024cc41701640e3e31b071ee",
    "statements": [
      "CREATE TABLE `api_keys` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`label` text NOT NULL,\n\t`prefix` text NOT NULL,\n\t`hash` text NOT NULL,\n\t`sealed_key` text NOT NULL,\n\t`discovery_hash` text NOT NULL,\n\t`sealed_discovery_token` text NOT NULL,\n\t`providers` text,\n\t`models` text,\n\t`accounts` text,\n\t`created_at` integer NOT NULL,\n\t`expires_at` integer,\n\t`revoked_at` integer,\n\t`last_used_at` integer\n);",
      "CREATE UNIQUE INDEX `api_keys_hash` ON `api_keys` (`hash`);",
      "CREATE UNIQUE INDEX `api_keys_discovery_hash` ON `api_keys` (`discovery_hash`);",
      "CREATE TABLE `oauth_states` (\n\t`state` text PRIMARY KEY NOT NULL,\n\t`provider` text NOT NULL,\n\t`mode` text NOT NULL,\n\t`secret` text NOT NULL,\n\t`created_at` integer NOT NULL,\n\t`expires_at` integer NOT NULL\n);",
      "CREATE INDEX `oauth_states_expires_at` ON `oauth_states` (`expires_at`);",
      "CREATE TABLE `provider_accounts` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`provider` text NOT NULL,\n\t`kind` text NOT NULL,\n\t`external_id` text NOT NULL,\n\t`label` text NOT NULL,\n\t`enabled` integer NOT NULL,\n\t`is_primary` integer NOT NULL,\n\t`status` text NOT NULL,\n\t`status_reason` text,\n\t`metadata` text NOT NULL,\n\t`expires_at` integer,\n\t`last_refresh_at` integer,\n\t`last_refresh_status` text,\n\t`last_refresh_error` text,\n\t`created_at` integer NOT NULL,\n\t`updated_at` integer NOT NULL,\n\t`access_token` text,\n\t`refresh_token` text,\n\t`id_token` text,\n\t`api_key` text\n);",
      "CREATE UNIQUE INDEX `provider_accounts_identity` ON `provider_accounts` (`provider`,`kind`,`external_id`);",
      "CREATE UNIQUE INDEX `provider_accounts_one_primary` ON `provider_accounts` (`provider`) WHERE is_primary = 1;",
      "CREATE TABLE `system_settings` (\n\t`key` text PRIMARY KEY NOT NULL,\n\t`value` text NOT NULL,\n\t`updated_at` integer NOT NULL\n);"
    ]
  },
  {
    "when": 1795347214827,
    "hash": "48cfa8df4ce3821d4497e40975041bf4f633e5469400d9d7414b3787649ffd99",
    "statements": [
      "ALTER TABLE `provider_accounts` ADD `token_version` integer DEFAULT 0 NOT NULL;",
      "ALTER TABLE `provider_accounts` ADD `lease_owner` text;",
      "ALTER TABLE `provider_accounts` ADD `lease_until` integer;",
      "ALTER TABLE `provider_accounts` ADD `lease_fence` integer DEFAULT 0 NOT NULL;",
      "ALTER TABLE `provider_accounts` ADD `intent_version` integer;",
      "ALTER TABLE `provider_accounts` ADD `refresh_retry_at` integer;",
      "ALTER TABLE `provider_accounts` ADD `refresh_failures` integer DEFAULT 0 NOT NULL;"
    ]
  },
  {
    "when": 1795356315335,
    "hash": "2572408f03ba1ba49530430d3b0f809580c937ff7aff8f829d592d39e73215db",
    "statements": [
      "ALTER TABLE `oauth_states` ADD `version` integer DEFAULT 0 NOT NULL;"
    ]
  },
  {
    "when": 1795356475978,
    "hash": "043d0a39c0d8fdfe086cbad09691f454dff15dc164e7d3a29a37c59442d642b3",
    "statements": [
      "CREATE INDEX `api_keys_newest` ON `api_keys` (`created_at`,`revoked_at`,`expires_at`);"
    ]
  },
  {
    "when": 1795368639356,
    "hash": "d213719357c41f0e85dd0d9c18a6bac12413c9537238fba9c552c5d926bfc381",
    "statements": [
      "CREATE TABLE `admin_tries` (\n\t`door` text NOT NULL,\n\t`source` text NOT NULL,\n\t`wrong` integer NOT NULL,\n\t`tried_at` integer NOT NULL,\n\t`right_at` integer,\n\tPRIMARY KEY(`door`, `source`)\n);",
      "CREATE INDEX `admin_tries_tried_at` ON `admin_tries` (`door`,`tried_at`);"
    ]
  },
  {
    "when": 1795369553590,
    "hash": "10a4d2c38e44f413e693a35ebe2bf4ad0c5acb90b234c9a3549042580f61d020",
    "statements": [
      "ALTER TABLE `provider_accounts` ADD `spent_tokens` text;"
    ]
  },
  {
    "when": 1796066506850,
    "hash": "a63f4922b22a2b4807aa401f47a956216d9ab8f432a737737dbee54908b369e6",
    "statements": [
      "CREATE TABLE `ended_sessions` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`ends_at` integer NOT NULL\n);",
      "INSERT OR IGNORE INTO `ended_sessions` SELECT `each`.`key`, `each`.`value` FROM `system_settings`, json_each(CASE WHEN json_valid(`system_settings`.`value`) THEN `system_settings`.`value` ELSE '{}' END) AS `each` WHERE `system_settings`.`key` = 'admin.ended_sessions' AND typeof(`each`.`value`) = 'integer';"
    ]
  },
  {
    "when": 1796074083647,
    "hash": "c1ed514779e8d8a1dba413946f24a0444a4f40c667b02649d3f9566fa1d17ed8",
    "statements": [
      "ALTER TABLE `provider_accounts` ADD `last_refusal` text;",
      "ALTER TABLE `provider_accounts` ADD `last_refusal_at` integer;"
    ]
  },
  {
    "when": 1796092916926,
    "hash": "3dc9e4f53438a008b6001a0efe17e3a9b2e2f0bdef5ff0d8f2c1864dee276278",
    "statements": [
      "CREATE TABLE `account_limits` (\n\t`account_id` text NOT NULL,\n\t`scope` text NOT NULL,\n\t`class` text NOT NULL,\n\t`code` text NOT NULL,\n\t`words` text,\n\t`until` integer NOT NULL,\n\t`is_stated` integer NOT NULL,\n\t`strikes` integer NOT NULL,\n\t`seen_at` integer NOT NULL,\n\t`cleared_at` integer NOT NULL,\n\tPRIMARY KEY(`account_id`, `scope`)\n);",
      "CREATE TABLE `audit` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`at` integer NOT NULL,\n\t`by` text NOT NULL,\n\t`request_id` text,\n\t`action` text NOT NULL,\n\t`target` text,\n\t`detail` text\n);",
      "CREATE TABLE `requests` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`upstream_id` text,\n\t`at` integer NOT NULL,\n\t`key_id` text NOT NULL,\n\t`account_id` text,\n\t`provider` text,\n\t`model` text NOT NULL,\n\t`outcome` text NOT NULL,\n\t`agent` text,\n\t`record` text NOT NULL\n);",
      "CREATE INDEX `requests_upstream_id` ON `requests` (`upstream_id`) WHERE upstream_id is not null;",
      "CREATE TABLE `usage_batches` (\n\t`id` text PRIMARY KEY NOT NULL,\n\t`at` integer NOT NULL\n);",
      "ALTER TABLE `api_keys` ADD `failover` text;",
      "ALTER TABLE `provider_accounts` ADD `failover_rank` integer;",
      "ALTER TABLE `provider_accounts` ADD `next_poll_at` integer;"
    ]
  }
];
