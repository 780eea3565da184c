export * from "./isolate.ts";
export * from "./isolated-execution.ts";
export * from "./limits.ts";
export type { ExportedStrategy, Issue, OtherExport, ReadParams } from "./realm.ts";
export * from "./strategy-bundle.ts";
