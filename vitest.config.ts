import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "hono/jsx" } },
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/support/seed.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // One more than the two cores of a small machine: many tests wait for processes and pages.
    maxWorkers: 3,
    reporters: ["default", ["json", { outputFile: "dist/test-report.json" }]],
  },
});
