import type { Bus } from "@pitaya/bus";
import { ALL_EVENTS } from "@pitaya/protocol";
import {
  type LogEvent,
  type RunLog,
  type RunView,
  type RunViewFold,
  runLog,
  runView,
} from "@pitaya/views";

/** An event as a strike needs it: what it is called, and whose it is. */
export interface Seen {
  readonly label: string;
  /** How many of its label there were in this run, this one included. */
  readonly n: number;
  readonly run: string;
  readonly runner: string | undefined;
  readonly coordinator: string | undefined;
  readonly instance: string | undefined;
  /** What else a reader of the story wants to know. */
  readonly remark: string | undefined;
}

interface WatchedRun {
  readonly log: RunLog;
  readonly fold: RunViewFold;
  readonly events: LogEvent[];
  readonly counts: Map<string, number>;
}

/** The log, as somebody follows it who takes no part. */
export interface RunWatch {
  /** The next event of this label, as the n-th of its run, in a run that is not among `before`. */
  point(type: string, n: number, before: ReadonlySet<string>): Promise<Seen>;
  /** Resolves when the condition holds; looked at after each event. */
  until<T>(condition: () => T | undefined): Promise<T>;
  readonly runs: ReadonlySet<string>;
  view(run: string): RunView | undefined;
  /** What is in the log of a run that counts, or why it does not. */
  events(run: string): readonly LogEvent[];
  /**
   * Goes on with the log on this connection, in place of the one before. Resolves when everything
   * that is stored by now has been heard of.
   */
  follow(bus: Bus): Promise<void>;
  stop(): void;
  /** Who wrote the last decision. */
  readonly decider: string | undefined;
}

/** What an event is called where a seed names its point. */
function labelOf(event: LogEvent): string | undefined {
  switch (event.kind) {
    case "decision":
      return event.entry.type;
    case "fact":
      return event.fact.type === "attempt.entered"
        ? `entered:${event.fact.phase}`
        : event.fact.type;
    case "seal":
      return "attempt.sealed";
    case "note":
      return event.note.type;
    default:
      return undefined;
  }
}

/** Where an attempt goes on from an earlier one, and why one failed. */
function remarkOn(event: LogEvent): string | undefined {
  if (event.kind === "seal") return event.reason;
  if (event.kind === "decision" && event.entry.type === "attempt.placed") {
    return event.entry.from === undefined ? undefined : `from attempt ${event.entry.from}`;
  }
  if (event.kind !== "fact" || event.fact.type !== "attempt.failed") return undefined;
  const { error, snapshot } = event.fact;
  return `${error.code}${snapshot ? ", with a snapshot" : ""}: ${error.message.slice(0, 120)}`;
}

/** @param told hears of each event */
export function watchRuns(told: (seen: Seen, event: LogEvent) => void): RunWatch {
  const runs = new Map<string, WatchedRun>();
  const looks = new Set<() => void>();
  const hears = new Set<(seen: Seen) => void>();
  let decider: string | undefined;

  function apply(run: string, of: WatchedRun, event: LogEvent): void {
    of.fold.apply(event);
    of.events.push(event);
    if (event.kind === "decision") decider = event.coordinator;
    const label = labelOf(event) ?? event.kind;
    const n = (of.counts.get(label) ?? 0) + 1;
    of.counts.set(label, n);
    const entry = event.kind === "decision" ? event.entry : undefined;
    const seen: Seen = {
      ...{ label, n, run },
      runner:
        "runner" in event ? event.runner : entry && "runner" in entry ? entry.runner : undefined,
      remark: remarkOn(event),
      coordinator: event.kind === "decision" ? event.coordinator : undefined,
      instance:
        "instance" in event
          ? event.instance
          : entry && "instance" in entry
            ? entry.instance
            : undefined,
    };
    for (const hear of [...hears]) hear(seen);
    told(seen, event);
  }

  let lastSequence = 0;
  async function take(bus: Bus, signal: AbortSignal, caughtUp: () => void): Promise<void> {
    const options = { fromSequence: lastSequence + 1, signal };
    for await (const item of bus.events.follow([ALL_EVENTS], options)) {
      if ("caughtUp" in item) {
        caughtUp();
        continue;
      }
      lastSequence = item.sequence;
      const run = item.subject.split(".")[3] ?? "";
      const of = runs.get(run) ?? { log: runLog(), fold: runView(), events: [], counts: new Map() };
      runs.set(run, of);
      for (const event of of.log.admit(item)) apply(run, of, event);
      for (const look of [...looks]) look();
    }
  }

  let stop = new AbortController();
  const failed = Promise.withResolvers<never>();
  // Met by whoever waits.
  failed.promise.catch(() => undefined);

  return {
    point: (type, n, before) =>
      Promise.race([
        failed.promise,
        new Promise<Seen>((resolve) => {
          const hear = (seen: Seen) => {
            if (seen.label !== type || seen.n !== n || before.has(seen.run)) return;
            hears.delete(hear);
            resolve(seen);
          };
          hears.add(hear);
        }),
      ]),
    until: <T>(condition: () => T | undefined) =>
      Promise.race([
        failed.promise,
        new Promise<T>((resolve) => {
          const look = () => {
            const found = condition();
            if (found === undefined) return;
            looks.delete(look);
            resolve(found);
          };
          looks.add(look);
          look();
        }),
      ]),
    get runs() {
      return new Set(runs.keys());
    },
    view: (run) => runs.get(run)?.fold.view,
    events: (run) => runs.get(run)?.events ?? [],
    follow(bus) {
      stop.abort();
      stop = new AbortController();
      const caughtUp = Promise.withResolvers<void>();
      take(bus, stop.signal, caughtUp.resolve).catch(failed.reject);
      return Promise.race([caughtUp.promise, failed.promise]);
    },
    stop: () => stop.abort(),
    get decider() {
      return decider;
    },
  };
}
