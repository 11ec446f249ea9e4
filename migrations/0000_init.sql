CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`label` text NOT NULL,
	`prefix` text NOT NULL,
	`hash` text NOT NULL,
	`sealed_key` text NOT NULL,
	`discovery_hash` text NOT NULL,
	`sealed_discovery_token` text NOT NULL,
	`providers` text,
	`models` text,
	`accounts` text,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer,
	`last_used_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_hash` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_discovery_hash` ON `api_keys` (`discovery_hash`);--> statement-breakpoint
CREATE TABLE `oauth_states` (
	`state` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`mode` text NOT NULL,
	`secret` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `oauth_states_expires_at` ON `oauth_states` (`expires_at`);--> statement-breakpoint
CREATE TABLE `provider_accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`kind` text NOT NULL,
	`external_id` text NOT NULL,
	`label` text NOT NULL,
	`enabled` integer NOT NULL,
	`is_primary` integer NOT NULL,
	`status` text NOT NULL,
	`status_reason` text,
	`metadata` text NOT NULL,
	`expires_at` integer,
	`last_refresh_at` integer,
	`last_refresh_status` text,
	`last_refresh_error` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`access_token` text,
	`refresh_token` text,
	`id_token` text,
	`api_key` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `provider_accounts_identity` ON `provider_accounts` (`provider`,`kind`,`external_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `provider_accounts_one_primary` ON `provider_accounts` (`provider`) WHERE is_primary = 1;--> statement-breakpoint
CREATE TABLE `system_settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL
);
