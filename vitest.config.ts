import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that wait in real time and need next to no computing: begun first, they lengthen nothing. */
const WAITING = ["tests/streams/workerd-silence.test.ts"];

class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isWaiting = ({ moduleId }: TestSpecification) => WAITING.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isWaiting), ...sorted.filter((file) => !isWaiting(file))];
  }
}

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "hono/jsx" } },
  test: {
    include: ["tests/**/*.test.ts"],
    sequence: { sequencer: WaitingFirst },
    setupFiles: ["tests/support/seed.ts"],
    // For a machine that has much else to do: what never comes true fails all the same.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 30_000 } },
    // One more than the two cores of a small machine: many tests wait for processes and pages.
    maxWorkers: 3,
    coverage: {
      include: ["src/**", "adapters/**"],
      exclude: ["**/*.gen.ts", "**/*.d.ts", "src/admin/browser/**"],
      reportsDirectory: "dist/coverage",
      reporter: ["text-summary", "html"],
    },
    reporters: ["default", ["json", { outputFile: "dist/test-report.json" }]],
  },
});
