import { type ErrorRecord, errorRecord, isPitayaError } from "@pitaya/protocol";
import { KeyConflict, type StrategyOutcome, TaskFailed } from "../sdk.ts";
import type { CallRecord } from "./call-record.ts";
import type { HostedEnd } from "./hosted-execution.ts";
import { type KeyTable, OWN_KEYS } from "./key-table.ts";
import { checkOutcome } from "./outcome-check.ts";
import type { Standing } from "./standing.ts";
import type { Waits } from "./waits.ts";

/** The end that code comes to by what it throws; its tasks by the keys of the log. */
export function endByThrow(thrown: unknown, keys: KeyTable): HostedEnd {
  const name = thrown instanceof TaskFailed ? keys.nameOf(thrown.failure.key) : undefined;
  const error = errorOf(thrown);
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const tasks = name === undefined ? [] : [name];
  const leftPath =
    isPitayaError(thrown, "replay_mismatch") || isPitayaError(thrown, "key_conflict")
      ? ({ leftPath: true } as const)
      : {};
  return { outcome: { status: "failed", reason, tasks }, error, ...leftPath };
}

interface Parts {
  readonly standing: Standing;
  readonly calls: CallRecord;
  readonly keys: KeyTable;
  readonly waits: Pick<Waits, "resolutions">;
}

/** The end that code comes to by its own word. */
export function endByOutcome(given: unknown, { standing, calls, keys, waits }: Parts): HostedEnd {
  const fails = (what: string) => endByThrow(standing.fails("strategy_failed", what), keys);
  if (calls.missed !== undefined) {
    const what = `it ended before ${calls.missed}`;
    return endByThrow(standing.fails("replay_mismatch", what), keys);
  }
  const checked = checkOutcome(given);
  if ("wrong" in checked) return fails(`returned no outcome: ${checked.wrong}`);
  const { outcome } = checked;
  const named = [...outcome.tasks, ...(outcome.chosen === undefined ? [] : [outcome.chosen])];
  const unknown = named.filter((key) => keys.nameOf(key) === undefined || key.startsWith(OWN_KEYS));
  if (unknown.length > 0) return fails(`ended with tasks it never had: ${unknown.join(", ")}`);
  const untrue = successDenied(outcome, keys, waits);
  return untrue === undefined ? { outcome: inLog(outcome, keys) } : fails(untrue);
}

/** Why an outcome cannot be a success whatever the code says; undefined where it can. */
function successDenied(
  { status, chosen, tasks }: StrategyOutcome,
  keys: KeyTable,
  { resolutions }: Parts["waits"],
): string | undefined {
  if (status === "failed") return undefined;
  const endOf = (name: string | undefined) => resolutions.get(name ?? "");
  const chosenEnd = endOf(chosen && keys.nameOf(chosen));
  if (chosen !== undefined && chosenEnd?.status !== "succeeded") {
    const how = chosenEnd === undefined ? "had not ended" : `failed: ${chosenEnd.error.message}`;
    return `chose the task "${chosen}", which ${how}`;
  }
  const ends = tasks.map((key) => endOf(keys.nameOf(key)));
  if (ends.length === 0 || ends.some((end) => end?.status === "succeeded")) return undefined;
  const why = ends.find((end) => end?.status === "failed");
  const first = why?.status === "failed" ? `: ${why.error.message}` : "";
  return `said that it succeeded, but none of the tasks that it counts did${first}`;
}

function inLog(outcome: StrategyOutcome, keys: KeyTable): StrategyOutcome {
  const nameOf = (key: string) => keys.nameOf(key) ?? key;
  const told = { ...outcome, tasks: outcome.tasks.map(nameOf) };
  return outcome.chosen === undefined ? told : { ...told, chosen: nameOf(outcome.chosen) };
}

function errorOf(thrown: unknown): ErrorRecord {
  if (thrown instanceof TaskFailed) return thrown.failure.error;
  if (thrown instanceof KeyConflict) {
    return { code: "key_conflict", message: thrown.message, retryable: false };
  }
  const record = errorRecord(thrown);
  return record.code === "internal" ? { ...record, code: "strategy_failed" } : record;
}
