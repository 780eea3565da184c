export * from "./log-composer.ts";
export * from "./sample-log.ts";
export * from "./whole-log.ts";
