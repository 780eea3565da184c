export * from "./agent-task.ts";
export { claudeCode } from "./claude-code.ts";
export { command, declaredPlugin } from "./command.ts";
export * from "./commit-instruction.ts";
export * from "./credentials.ts";
export * from "./line-splitter.ts";
export type * from "./plugin.port.ts";
export * from "./registry.ts";
export * from "./resume-prompt.ts";
