import type { Bus } from "@pitaya/bus";
import type { Logger } from "pino";
import { builtInStrategies, checkStrategy } from "./adapters/built-in-strategies.ts";
import { type Coordinator, type CoordinatorOptions, start as startWith } from "./start.ts";

export type { Coordinator } from "./start.ts";

/** What whoever runs a coordinator decides; times in milliseconds. */
export type StartOptions = Pick<CoordinatorOptions, "id" | "version" | "takeOver"> &
  Partial<
    Pick<
      CoordinatorOptions,
      | "leaseMs"
      | "runnerLeaseMs"
      | "claimTimeoutMs"
      | "cancelGraceMs"
      | "credentialsWaitMs"
      | "onLiveRuns"
    >
  > & { readonly bus: Bus; readonly log: Logger };

/** Starts a coordinator on a bus whose streams are provisioned. Resolves when it decides. */
export async function start(options: StartOptions): Promise<Coordinator> {
  const coordinator = startWith({
    ...options,
    strategies: builtInStrategies((run, message) => options.log.info({ run }, message)),
    check: checkStrategy,
  });
  await coordinator.deciding;
  return coordinator;
}
