import type { AttemptScope } from "./attempt-scope.ts";

/** Brings everything the workspace is made of to the engine. */
export async function fetchBase({ packs, command, log }: AttemptScope): Promise<void> {
  await packs.onEngine(command.task.base);
  // Quarantine needs it only after the agent, so it need not be waited for. It is asked for again
  // then, and that is where a failure counts.
  packs.onHost(command.task.base).catch((error: unknown) => {
    log.warn({ err: error }, "base not stored on the host yet");
  });
}
