CREATE TABLE `admin_tries` (
	`door` text NOT NULL,
	`source` text NOT NULL,
	`wrong` integer NOT NULL,
	`tried_at` integer NOT NULL,
	`right_at` integer,
	PRIMARY KEY(`door`, `source`)
);
--> statement-breakpoint
CREATE INDEX `admin_tries_tried_at` ON `admin_tries` (`door`,`tried_at`);