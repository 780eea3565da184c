export * from "./canonical-hash.ts";
export * from "./coerce-params.rules.ts";
export * from "./host/index.ts";
export * from "./parse-params.ts";
export type * from "./planning/planned-task.ts";
export { taskPlanner } from "./planning/task-planner.ts";
export * from "./registry.ts";
export * from "./sdk.ts";
