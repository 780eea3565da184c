export type * from "./hosted-execution.ts";
export { startExecution } from "./start-execution.ts";
