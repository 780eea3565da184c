import type { Bus } from "@pitaya/bus";
import type { Strategy } from "@pitaya/strategies";
import type { Logger } from "pino";
import { builtInStrategies, checkStrategy } from "./adapters/built-in-strategies.ts";
import { checkCustomCode, customStrategies } from "./adapters/custom-strategies.ts";
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
      | "isStoreFull"
      | "onLiveRuns"
    >
  > & {
    readonly bus: Bus;
    readonly log: Logger;
    /** Strategies beside those Pitaya ships. */
    readonly strategies?: readonly Strategy[];
    /** Whether strategies of the users' own are run. They are, where nothing is said. */
    readonly allowCustomCode?: boolean;
  };

/** Starts a coordinator on a bus whose streams are provisioned. It stands by until it may decide. */
export function start(options: StartOptions): Coordinator {
  const { strategies: more = [], allowCustomCode: isAllowed = true, ...rest } = options;
  const log = (run: string, message: string) => options.log.info({ run }, message);
  const shipped = builtInStrategies(log, more);
  return startWith({
    ...rest,
    strategies: customStrategies(options.bus, shipped, { isAllowed, log }),
    check(spec) {
      if (spec.strategy.code) checkCustomCode(spec, isAllowed);
      else checkStrategy(spec, more);
    },
  });
}
