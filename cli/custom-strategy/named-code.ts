import { strategyNames } from "@pitaya/strategies";
import type { Session } from "../session.ts";
import { readStrategy } from "./bundle-strategy.ts";
import { findSource } from "./custom-strategy.ts";
import { isNamedByFile, type RepositoryCode, repositoryCode } from "./repository-code.ts";
import { strategyReference } from "./strategy-reference.rules.ts";

/**
 * The code of the repository that one of its files, or one of the user's own, names as the strategy.
 * It is read and not run.
 *
 * @throws {PitayaError} `usage` where what is named cannot be found or read
 */
export async function namedCode(session: Session): Promise<RepositoryCode | undefined> {
  const { settings, host, configuration } = session;
  const { root } = configuration.gathered;
  if (root === undefined || !isNamedByFile(settings)) return undefined;
  const shipped = [...strategyNames, ...(host.strategies ?? []).map(({ name }) => name)];
  const asked = strategyReference(settings.values.strategy, shipped);
  if (asked.kind === "shipped") return undefined;
  return repositoryCode(root, await readStrategy(await findSource(asked, root, host)));
}
