import type { PitayaError, StrategyCall } from "@pitaya/protocol";
import { canonicalHash } from "../canonical-hash.ts";

/** More would make the log of one execution larger than all its work. */
const MAX_CALLS = 200_000;

/** The calls of strategy code on its context, held against those that are recorded. */
export interface CallRecord {
  readonly calls: readonly StrategyCall[];
  /** @returns its index @throws what the code no longer going its recorded way is told by */
  add(name: string, args: unknown): number;
  /** The recorded call that would come next. */
  readonly missed: string | undefined;
}

export function callRecord(
  recorded: readonly StrategyCall[],
  fails: (code: "replay_mismatch" | "strategy_failed", what: string) => PitayaError,
): CallRecord {
  const calls: StrategyCall[] = [];
  return {
    calls,
    add(name, args) {
      if (calls.length === MAX_CALLS) {
        throw fails("strategy_failed", `made more than ${MAX_CALLS} calls`);
      }
      const call = { index: calls.length, name, argsHash: canonicalHash(args).slice(0, 16) };
      const before = recorded[call.index];
      if (before && (before.name !== name || before.argsHash !== call.argsHash)) {
        const what = `call ${call.index} was ${named(before)} and is now ${named(call)}${about(args)}`;
        throw fails("replay_mismatch", what);
      }
      calls.push(call);
      return call.index;
    },
    get missed() {
      const next = recorded[calls.length];
      return next && `call ${next.index}, ${named(next)}`;
    },
  };
}

const named = ({ name, argsHash }: StrategyCall) => `${name}(${argsHash})`;

/** What a person knows a call by: the key of its task, or the keys, or the file. */
function about(args: unknown): string {
  const { key, keys, path } = { ...(args as { key?: unknown; keys?: unknown; path?: unknown }) };
  const what = [key, ...(Array.isArray(keys) ? keys : []), path].filter(
    (one) => typeof one === "string",
  );
  return what.length === 0 ? "" : ` of ${JSON.stringify(what.slice(0, 5).join(", "))}`;
}
