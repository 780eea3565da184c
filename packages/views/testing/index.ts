export * from "./log-composer.ts";
export * from "./sample-log.ts";
