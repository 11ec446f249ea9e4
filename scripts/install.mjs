/**
 * What a command of package.json begins with when it needs an installed package: installs what is missing.
 * Usage: node scripts/install.mjs start|all && <command>
 */
import { install } from "./setup.mjs";

const extent = process.argv[2];
if (extent !== "start" && extent !== "all") {
  process.stderr.write("usage: node scripts/install.mjs start|all\n");
  process.exit(2);
}
// The builds of Vercel and Cloudflare have installed everything before they run a command.
if (!process.env.VERCEL && !process.env.WORKERS_CI) install(extent);
