import type { RunProjection } from "@pitaya/protocol";
import { type LogMessage, runLog } from "../run-log.ts";
import { isFinalPhase, type RunView, runView, statusOf } from "../run-view.ts";
import { branchCheck, type ImportedBranch, importOf } from "./branches.ts";
import { chainCheck } from "./chains.ts";
import { courseCheck } from "./course.ts";
import { blobsNamedBy, type NamedBlob } from "./named-blobs.ts";
import { timerCheck } from "./timers.ts";
import { projectionCheck, tally } from "./totals.ts";
import type { SetAside, Violation } from "./violation.ts";

export type { ImportedBranch, NamedBlob };

/** What a log was found to be. Blobs and branches are named for whoever can look at them. */
export interface RunVerification {
  readonly messages: number;
  readonly violations: readonly Violation[];
  /** Messages of writers that had no right to write any more, or never had: they do not count. */
  readonly setAside: readonly SetAside[];
  /** Decisions overtaken by a fact that came between: skipped, as they should be. */
  readonly voided: number;
  /**
   * The run has ended, and its row is missing or of before: true for the moment it takes to write the
   * row, and for as long as no coordinator decides. A violation all the same.
   */
  readonly rowIsBehind: boolean;
  readonly view: RunView;
  /** Each blob once, where it is first named. */
  readonly blobs: readonly NamedBlob[];
  /** Last import of each ref. */
  readonly branches: readonly ImportedBranch[];
}

/**
 * Holds the log of one run against the invariants.
 *
 * @param projection the run's row in the list of runs, read before the log was
 */
export interface RunVerifier {
  /** Takes the messages of the run in stream order. */
  take(message: LogMessage): void;
  end(): RunVerification;
}

export function runVerifier(projection?: RunProjection): RunVerifier {
  const log = runLog();
  const fold = runView();
  const chains = chainCheck();
  const sums = tally();
  const timers = timerCheck();
  const violations: Violation[] = [];
  const setAside: SetAside[] = [];
  const blobs = new Map<string, NamedBlob>();
  const branches = new Map<string, ImportedBranch>();
  let messages = 0;
  let voided = 0;
  let compared = false;

  function take(message: LogMessage): void {
    messages += 1;
    const { sequence, subject } = message;
    const counted = log.admit(message);
    if (!counted.some(({ kind }) => kind === "unreadable"))
      violations.push(...chains.take(message));
    for (const event of counted) {
      if (event.kind === "stale") setAside.push({ sequence, subject, reason: event.reason });
      else if (event.kind === "void") voided += 1;
      else if (event.kind === "unreadable") {
        violations.push({ rule: "chain", sequence, message: `${subject}: ${event.reason}` });
      }
      violations.push(
        ...courseCheck(event, fold.view),
        ...branchCheck(event, fold.view),
        ...timers.take(event),
      );
      fold.apply(event);
      sums.take(event);
      for (const named of blobsNamedBy(event)) {
        const key = `${named.blob.writer}.${named.blob.sha256}`;
        if (!blobs.has(key)) blobs.set(key, named);
      }
      const imported = importOf(event);
      if (imported) branches.set(imported.ref, imported);
    }
    if (projection && sequence === projection.sequence) {
      compared = true;
      violations.push(...projectionCheck(projection, fold.view));
    }
  }

  const rowIsBehind = () =>
    isFinalPhase(fold.view.phase) && projection?.status !== statusOf(fold.view.phase);

  /** A row that is of no event of the log, or of one long before the run's end. */
  function* rowCheck(): Generator<Violation> {
    if (projection && !compared) {
      const { sequence } = projection;
      yield { rule: "totals", message: `the list of runs stands at ${sequence}, no event of it` };
    }
    if (!rowIsBehind()) return;
    const status = statusOf(fold.view.phase);
    const row = projection === undefined ? "does not have it" : `says ${projection.status}`;
    yield { rule: "totals", message: `the run is ${status}, and the list of runs ${row}` };
  }

  return {
    take,
    end() {
      const view = fold.view;
      const none: Violation[] = view.spec
        ? []
        : [{ rule: "order", message: "the run was never submitted" }];
      return {
        messages,
        violations: [...violations, ...none, ...sums.compare(view), ...rowCheck()],
        setAside,
        voided,
        rowIsBehind: rowIsBehind(),
        view,
        blobs: [...blobs.values()],
        branches: [...branches.values()],
      };
    },
  };
}
