import { mkdirSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import { engineAddress } from "./engine-address.ts";
import { makePrivateDirectory } from "./private-files.ts";
import { type StackPaths, stackDirectory, stackPaths, stateDirectory } from "./stack-paths.ts";

/** Which stack a command means: one a user, state directory and engine. */
export interface StackLocation {
  readonly engine: string;
  readonly stateDirectory: string;
  readonly paths: StackPaths;
}

/**
 * Finds, and makes where it is missing, the place of the stack this environment means.
 *
 * @throws `stack_failed` where the directory cannot be used
 */
export function locateStack(env: NodeJS.ProcessEnv, flag?: string): StackLocation {
  const engine = engineAddress(env);
  const named = stateDirectory(env, flag);
  let state: string;
  try {
    mkdirSync(named, { recursive: true, mode: 0o700 });
    state = realpathSync(named);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PitayaError("stack_failed", `the state directory ${named} cannot be made: ${why}`, {
      cause: error,
      retryable: false,
      hint: "name another one with --state-dir or PITAYA_STATE_DIR",
    });
  }
  const paths = stackPaths(stackDirectory(state, engine), env);
  makePrivateDirectory(state, basename(paths.startLock));
  makePrivateDirectory(paths.directory, basename(paths.startLock));
  return { engine, stateDirectory: state, paths };
}
