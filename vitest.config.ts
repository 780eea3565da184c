import { defineConfig } from "vitest/config";

/**
 * Four projects, one after the other. `unit` and `simulation` need nothing but Node, and the second
 * takes all of its cores for some minutes; `integration` needs a nats-server or an engine; `e2e` an
 * engine with the agents image. Integration and e2e files share one engine, one image and one server
 * a file, and run two files at a time: most of what they do is to wait for containers and leases, but
 * two cores are few for what one file starts.
 */
export default defineConfig({
  test: {
    reporters: ["default", "./test/support/summary-reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{packages,services,cli,scripts,examples,test/support}/**/*.test.ts",
            "test/chaos/*.rules.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/*.integration.test.ts"],
          // A bound for tests that hang, not a measure of speed: machines are slow at times.
          testTimeout: 30_000,
          // By default one core is left to the runner itself, which is half of two.
          maxWorkers: "100%",
          // Files share modules, which none of them changes: half of the time went into loading them.
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          testTimeout: 1_200_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "integration",
          include: [
            "{packages,services,cli,scripts,test/support}/**/*.integration.test.ts",
            "test/integration/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts", "test/chaos/chaos.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
