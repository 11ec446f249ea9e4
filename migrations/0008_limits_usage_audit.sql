CREATE TABLE `account_limits` (
	`account_id` text NOT NULL,
	`scope` text NOT NULL,
	`class` text NOT NULL,
	`code` text NOT NULL,
	`words` text,
	`until` integer NOT NULL,
	`is_stated` integer NOT NULL,
	`strikes` integer NOT NULL,
	`seen_at` integer NOT NULL,
	`cleared_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `scope`)
);
--> statement-breakpoint
CREATE TABLE `audit` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`by` text NOT NULL,
	`request_id` text,
	`action` text NOT NULL,
	`target` text,
	`detail` text
);
--> statement-breakpoint
CREATE TABLE `requests` (
	`id` text PRIMARY KEY NOT NULL,
	`upstream_id` text,
	`at` integer NOT NULL,
	`key_id` text NOT NULL,
	`account_id` text,
	`provider` text,
	`model` text NOT NULL,
	`outcome` text NOT NULL,
	`agent` text,
	`record` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `requests_upstream_id` ON `requests` (`upstream_id`) WHERE upstream_id is not null;--> statement-breakpoint
CREATE TABLE `usage_batches` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `api_keys` ADD `failover` text;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `failover_rank` integer;--> statement-breakpoint
ALTER TABLE `provider_accounts` ADD `next_poll_at` integer;