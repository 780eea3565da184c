import type { Clock } from "@pitaya/actors";
import { type ErrorCode, isPitayaError } from "@pitaya/protocol";
import type { Logger } from "pino";
import { isFinalRun } from "./fold/folded-run.ts";
import type { RunEntry } from "./run-entry.ts";

/** When which run is looked at. */
export interface Looks {
  /** Now: the caller is in turn. */
  now(entry: RunEntry): Promise<void>;
  /** Once what has arrived by now is folded: many messages, one look. */
  soon(entry: RunEntry): void;
  /** In turn; all runs that are not final, where none is named. */
  wake(run?: string): void;
}

/** What goes wrong with every run; anything else is of the one run, or passes, such as a full store. */
const ENDS_REIGN: readonly ErrorCode[] = ["bus_unavailable", "stale_epoch", "permission_denied"];

/** Until a run that could not be decided on is looked at again. */
const AGAIN_MS = 1_000;

export function looks(options: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly entries: ReadonlyMap<string, RunEntry>;
  /** Does the work in turn; what it throws ends the reign. */
  post(work: () => Promise<void>): void;
  lookAt(entry: RunEntry): Promise<void>;
}): Looks {
  const { clock, log, entries, post } = options;
  /** Runs to be looked at, in the order in which they changed. */
  const changed = new Set<RunEntry>();

  /** What goes wrong in one run stays in it; a lost bus or lease ends the reign. */
  async function now(entry: RunEntry): Promise<void> {
    try {
      await options.lookAt(entry);
    } catch (error) {
      if (isPitayaError(error) && ENDS_REIGN.includes(error.code)) throw error;
      const said = "a run cannot be decided on now; it is tried again";
      log.error({ run: entry.run, err: error }, said);
      entry.cancelDeadline();
      entry.cancelDeadline = clock.setTimer(AGAIN_MS, () => wake(entry.run));
    }
  }

  function wake(run?: string): void {
    post(async () => {
      const woken = run === undefined ? [...entries.values()] : [entries.get(run)];
      for (const entry of woken) {
        if (entry && (run !== undefined || !isFinalRun(entry))) await now(entry);
      }
    });
  }

  return {
    now,
    soon(entry) {
      changed.add(entry);
      if (changed.size > 1) return;
      post(async () => {
        const due = [...changed];
        changed.clear();
        for (const each of due) await now(each);
      });
    },
    wake,
  };
}
