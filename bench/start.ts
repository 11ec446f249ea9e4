/** From spawning a process to its first answers, on a database that is there already. */
import { figure, median, table } from "./figures.ts";
import { shoot } from "./load.ts";
import type { Program } from "./process.ts";
import type { Provider } from "./provider.ts";
import { type Side, target } from "./targets.ts";

const TIMES = 7;

export async function measureStart(provider: Provider, sides: readonly Side[]): Promise<string> {
  await provider.plan({ events: 0, paceMs: 0 });
  const subjects = sides.flatMap(({ runtime, kleis, startBare }) => {
    const place = runtime === "node" ? "Node" : "workerd";
    return [
      { name: `bare ${place}`, start: () => startBare(), key: "", healthMs: [], proxiedMs: [] },
      {
        name: `Kleis on ${place}`,
        start: () => kleis.start(),
        key: kleis.keys.apiKey,
        healthMs: [] as number[],
        proxiedMs: [] as number[],
      },
    ];
  });
  for (let at = 0; at < TIMES; at++) {
    for (const { start, key, healthMs, proxiedMs } of subjects) {
      const program = await start();
      if (key !== "") healthMs.push(await untilHealthy(program));
      await shoot(target({ name: "", program, key, extra: false }).shot(1024, 0, false), false);
      proxiedMs.push(performance.now() - program.spawnedMs);
      program.stop();
    }
  }
  const rows = subjects.map(({ name, healthMs, proxiedMs }) => [
    name,
    figure(median(healthMs), 0),
    figure(median(proxiedMs), 0),
  ]);
  const head = ["", "/healthz ms", "first proxied answer ms"];
  return `start: from spawning the process to its first answers, median of ${TIMES}\n${table(head, rows)}`;
}

async function untilHealthy({ url, spawnedMs }: Program): Promise<number> {
  const answer = await fetch(`${url}/healthz`);
  if (!answer.ok) throw new Error(`/healthz answered ${answer.status}`);
  await answer.text();
  return performance.now() - spawnedMs;
}
