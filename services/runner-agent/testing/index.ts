export { runnerLease } from "../adapters/runner-lease.ts";
export type { AttemptName, Execution, Executor } from "../ports/executor.port.ts";
export { livenessInProcess } from "../runner/liveness.ts";
export { type Runner, type RunnerParts, startRunner } from "../runner/runner.ts";
export { type FakeAgent, type FakeExecutor, fakeExecutor } from "./fake-executor.ts";
export { linePlugin } from "./line-plugin.ts";
export { type MemoryDisk, memoryDisk } from "./memory-disk.ts";
export { MISSING_FILE, SCRIPTED_BUNDLE, scriptedCommit, scriptedGit } from "./scripted-git.ts";
