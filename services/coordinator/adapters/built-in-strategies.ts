import type { RunSpec } from "@pitaya/protocol";
import {
  findStrategy,
  type HostOptions,
  type ParsedParams,
  parseParams,
  type Strategy,
  startExecution,
  taskPlanner,
} from "@pitaya/strategies";
import type { RecordedExecution, RunTexts, StrategyCode } from "../ports/strategy-code.port.ts";

/**
 * The strategies Pitaya ships, run natively under the delivery rules of the strategy host.
 *
 * @param more strategies beside them
 */
export function builtInStrategies(
  log: (run: string, message: string) => void,
  more: readonly Strategy[],
): StrategyCode {
  return {
    async start(spec, execution, texts, recorded) {
      const strategy = findStrategy(spec.strategy.name, more);
      const params = parseParams(strategy, spec.strategy.params);
      return startExecution(strategy, {
        ...hostOptions(spec, execution, params, texts, recorded),
        log: (message) => log(spec.run, `${execution}: ${message}`),
      });
    },
  };
}

/** What a strategy execution of a run is hosted with, wherever its code comes from. */
export const hostOptions = (
  spec: RunSpec,
  execution: string,
  params: ParsedParams,
  { prompt, files }: RunTexts,
  recorded: RecordedExecution,
): Omit<HostOptions, "log"> => ({
  ...{ params, prompt, files, baseBranch: spec.base.branch, baseCommit: spec.base.commit },
  seed: `${spec.run}/${execution}`,
  startedAtMs: recorded.startedAtMs,
  recorded: recorded.calls,
  recordedFingerprint: recorded.fingerprintOf,
  keyPolicy: recorded.keyPolicy,
  rekeyed: recorded.rekeyed,
  planner: taskPlanner(spec, params),
});

/** Refuses at submission what could never run. @throws `usage` */
export function checkStrategy(spec: RunSpec, more: readonly Strategy[]): void {
  parseParams(findStrategy(spec.strategy.name, more), spec.strategy.params);
}
