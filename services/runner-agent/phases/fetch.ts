import type { AttemptScope } from "./attempt-scope.ts";

/**
 * Brings the base to the engine, for the workspace, and to this host, for quarantine: a base that
 * cannot be checked against is found out before an agent is paid for, not after.
 */
export async function fetchBase({ packs, command }: AttemptScope): Promise<void> {
  const { base } = command.task;
  await Promise.all([packs.onEngine(base), packs.onHost(base)]);
}
