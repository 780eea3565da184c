import type { AttemptScope } from "./attempt-scope.ts";
import { endVisit } from "./visit-gateway.ts";

/** Leaves nothing of the attempt: container, volumes, directory. The directory last, for it is what finds the rest. */
export async function cleanUp(scope: AttemptScope): Promise<void> {
  const { executor, name, directory } = scope;
  endVisit(scope);
  await executor.remove(name);
  await directory.remove();
}
