import type { AttemptName, Executor } from "../ports/executor.port.ts";

/** Pauses every attempt of this runner that runs. @returns those that ran */
export async function pauseAll(
  executor: Pick<Executor, "list" | "pause">,
): Promise<readonly AttemptName[]> {
  const found = await executor.list();
  const running = found.flatMap(({ name, state }) => (state === "running" ? [name] : []));
  await Promise.all(running.map(executor.pause));
  return running;
}
