import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "hono/jsx" } },
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/support/seed.ts"],
    // For a machine that has much else to do: what never comes true fails all the same.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // One more than the two cores of a small machine: many tests wait for processes and pages.
    maxWorkers: 3,
    reporters: ["default", ["json", { outputFile: "dist/test-report.json" }]],
  },
});
