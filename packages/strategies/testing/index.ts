export * from "./run-strategy.ts";
export * from "./script.ts";
