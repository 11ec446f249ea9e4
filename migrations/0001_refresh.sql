ALTER TABLE `provider_accounts` ADD `token_version` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `lease_owner` text;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `lease_until` integer;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `lease_fence` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `intent_version` integer;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `refresh_retry_at` integer;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `refresh_failures` integer DEFAULT 0 NOT NULL;