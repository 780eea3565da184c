import type { AttemptScope } from "./attempt-scope.ts";

/** Leaves nothing of the attempt: container, volumes, directory. The directory last, for it is what finds the rest. */
export async function cleanUp({ executor, name, directory }: AttemptScope): Promise<void> {
  await executor.remove(name);
  await directory.remove();
}
