export { builtInStrategies, checkStrategy } from "../adapters/built-in-strategies.ts";
export type { StrategyCode } from "../ports/strategy-code.port.ts";
export { type CoordinatorOptions, start } from "../start.ts";
export * from "./fake-runner.ts";
export * from "./sample-run.ts";
