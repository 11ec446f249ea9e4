ALTER TABLE `provider_accounts` ADD `last_refusal` text;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `last_refusal_at` integer;