import { PitayaError } from "@pitaya/protocol";
import type { HostedEnd } from "./hosted-execution.ts";

type HostErrorCode = "strategy_failed" | "replay_mismatch";

/** Whether what strategy code does counts. */
export interface Standing {
  inTurn: boolean;
  ended: HostedEnd | undefined;
  /** Why nothing the code does counts any more, whatever it catches. */
  readonly broken: PitayaError | undefined;
  breaks(error: PitayaError): PitayaError;
  /** @throws outside a turn, after the end, and once it is broken */
  check(): void;
  fails(code: HostErrorCode, what: string): PitayaError;
}

export const WAITS_ELSEWHERE =
  "waits for something that its context does not give, such as a timer or a file";

const MISMATCH_HINT =
  "its code or its parameters changed since the run began; start a new run, or resume this one with --resume-key-policy suffix";

export function standing(strategy: string): Standing {
  let broken: PitayaError | undefined;
  const it: Standing = {
    inTurn: false,
    ended: undefined,
    get broken() {
      return broken;
    },
    breaks(error) {
      broken ??= error;
      return broken;
    },
    check() {
      if (!it.inTurn) it.breaks(it.fails("strategy_failed", WAITS_ELSEWHERE));
      if (broken) throw broken;
      if (it.ended) throw it.fails("strategy_failed", "went on after its end");
    },
    fails: (code, what) =>
      code === "strategy_failed"
        ? new PitayaError(code, `strategy ${strategy} ${what}`)
        : new PitayaError(code, `strategy ${strategy} did otherwise on replay: ${what}`, {
            hint: MISMATCH_HINT,
          }),
  };
  return it;
}
