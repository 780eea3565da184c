import type { Mailbox } from "@pitaya/actors";
import type { Bus, StoredMessage } from "@pitaya/bus";
import { ALL_EVENTS, PitayaError, runEvents } from "@pitaya/protocol";
import type { Logger } from "pino";
import { type FoldedRun, foldedRun, isFinalRun, type Taken } from "./folded-run.ts";

export interface LogFoldOptions {
  readonly bus: Bus;
  readonly log: Logger;
  /** Whatever changes state does so in turn. */
  readonly box: Mailbox<() => void | Promise<void>>;
  /** Where to go on from, with every run that is not final there. */
  readonly begin?: { readonly position: number; readonly runs: readonly FoldedRun[] };
  /** Told of each message once it is folded, before the next is. */
  onFolded(run: FoldedRun, taken: Taken): void | Promise<void>;
  /** A run that ended long ago, and that nothing has been heard of since, is no longer held. */
  onDropped(run: string): void;
}

/**
 * The whole log as this process has folded it, kept up to date whether or not this one decides. It
 * holds the runs that are not final, and of the others those that were touched last.
 */
export interface LogFold {
  readonly runs: ReadonlyMap<string, FoldedRun>;
  /** Stream sequence of the last message folded. */
  readonly position: number;
  /** A run that may have ended long ago: its part of the log is read if it is not held. */
  find(run: string): Promise<FoldedRun | undefined>;
  /**
   * Resolves when everything stored before the call is folded. Not to be waited for in the mailbox.
   * @throws what `signal` aborts with
   */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Follows the log until the signal aborts. Rejects when it cannot go on. */
  run(signal: AbortSignal): Promise<void>;
}

/** Final runs that stay at hand, for notes of their import and questions about them. */
const KEPT_FINAL_RUNS = 64;

/** Messages that wait in memory before the log is read on. */
const READ_AHEAD = 1_000;

export function logFold(options: LogFoldOptions): LogFold {
  const { bus, log, box, begin } = options;
  const runs = new Map<string, FoldedRun>(begin?.runs.map((run) => [run.run, run]));
  /** Of the runs held, those that are final or were never submitted; least recently touched first. */
  const idle = new Set<string>();
  let position = begin?.position ?? 0;
  const caughtUp = Promise.withResolvers<void>();
  caughtUp.promise.catch(() => undefined);

  function hold(folded: FoldedRun): void {
    runs.set(folded.run, folded);
    idle.delete(folded.run);
    if (folded.actors !== undefined && !isFinalRun(folded)) return;
    idle.add(folded.run);
    if (idle.size <= KEPT_FINAL_RUNS) return;
    const [oldest = ""] = idle;
    idle.delete(oldest);
    runs.delete(oldest);
    options.onDropped(oldest);
  }

  /** Reads what the log has of a run up to where this fold stands. */
  async function load(run: string): Promise<FoldedRun> {
    const folded = foldedRun(run);
    for await (const message of bus.events.read(runEvents(run))) {
      if (message.sequence > position) break;
      folded.take(message);
    }
    return folded;
  }

  async function take(message: StoredMessage): Promise<void> {
    if (message.sequence <= position) return;
    const run = message.subject.split(".")[3];
    if (run === undefined) return;
    const folded = runs.get(run) ?? (isFirst(message) ? foldedRun(run) : await load(run));
    const taken = folded.take(message);
    position = message.sequence;
    hold(folded);
    for (const oddity of taken.oddities) {
      log.warn({ run, sequence: message.sequence, oddity }, "set aside");
    }
    await options.onFolded(folded, taken);
  }

  /** A run's log begins with its submission, which expects sequence 0. */
  const isFirst = ({ subject, payload }: StoredMessage) =>
    subject.endsWith(".decision") && Buffer.from(payload).includes('"run.submitted"');

  /** Resolves when what was posted before is handled. */
  const handled = () => new Promise<void>((done) => box.post(() => done()));

  return {
    runs,
    get position() {
      return position;
    },
    async find(run) {
      const held = runs.get(run);
      if (held) return held;
      const found = Promise.withResolvers<FoldedRun | undefined>();
      box.post(async () => {
        try {
          const folded = runs.get(run) ?? (await load(run));
          if (folded.actors) hold(folded);
          found.resolve(folded.actors && folded);
        } catch (error) {
          found.reject(error);
        }
      });
      return found.promise;
    },
    async catchUp(signal) {
      await unlessAborted(caughtUp.promise, signal);
      // The follower gives the same messages, as far as it has got; whichever is later gives nothing.
      for await (const message of bus.events.read([ALL_EVENTS], position + 1)) {
        box.post(() => take(message));
      }
      await unlessAborted(handled(), signal);
    },
    async run(signal) {
      try {
        let waiting = 0;
        const following = { fromSequence: position + 1, signal };
        for await (const item of bus.events.follow([ALL_EVENTS], following)) {
          if ("caughtUp" in item) {
            box.post(() => caughtUp.resolve());
            continue;
          }
          waiting += 1;
          box.post(async () => {
            waiting -= 1;
            await take(item);
          });
          if (waiting >= READ_AHEAD) await unlessAborted(handled(), signal);
        }
      } finally {
        caughtUp.reject(new PitayaError("bus_unavailable", "the log is no longer followed"));
      }
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
