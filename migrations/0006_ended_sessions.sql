CREATE TABLE `ended_sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`ends_at` integer NOT NULL
);
--> statement-breakpoint
INSERT OR IGNORE INTO `ended_sessions` SELECT `each`.`key`, `each`.`value` FROM `system_settings`, json_each(CASE WHEN json_valid(`system_settings`.`value`) THEN `system_settings`.`value` ELSE '{}' END) AS `each` WHERE `system_settings`.`key` = 'admin.ended_sessions' AND typeof(`each`.`value`) = 'integer';
