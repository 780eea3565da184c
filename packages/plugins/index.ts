export * from "./commit-instruction.ts";
export type * from "./plugin.port.ts";
