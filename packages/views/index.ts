export * from "./run-log.ts";
export * from "./run-view.ts";
