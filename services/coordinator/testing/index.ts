export * from "./fake-runner.ts";
export * from "./sample-run.ts";
