import { errorRecord } from "@pitaya/protocol";
import type { InstanceView, RunView } from "@pitaya/views";
import type { Connection } from "../connect/connection.port.ts";
import { noteImport } from "../follow/notes.ts";
import type { Host } from "../host.ts";
import { chosenBranches, importsByItself, rulesFor } from "./import.rules.ts";
import {
  type ImportJob,
  type ImportTarget,
  type InstanceImport,
  importBest,
  importInstance,
} from "./import-instance.ts";

/** Brings branches in as their instances succeed, one after another. */
export interface Importer {
  /**
   * Looks at a run's instances and what it chose; what was taken in hand already is passed over.
   * @param only the one instance that is new, where the others were offered before
   */
  offer(view: RunView, only?: InstanceView): void;
  /** Nothing is under way or waiting. */
  readonly idle: boolean;
  /** Stream sequence of the last note written here; 0 if none. */
  readonly lastNote: number;
  readonly done: readonly InstanceImport[];
  /** Takes nothing more and waits for what is under way. */
  stop(): Promise<void>;
}

export function importer(options: {
  readonly connection: Connection;
  readonly host: Pick<Host, "clock" | "random">;
  readonly run: string;
  readonly target: ImportTarget;
  readonly onDone: (result: InstanceImport) => void;
  /** What was done could not be written into the log. */
  readonly onNoteFailed: (error: unknown) => void;
  /** Nothing is under way any more. */
  readonly onIdle: () => void;
}): Importer {
  const { connection, host, run, target } = options;
  const taken = new Set<string>();
  const done: InstanceImport[] = [];
  const queue: (() => Promise<void>)[] = [];
  const stopping = new AbortController();
  // A store that is gone answers no note; whoever stops does not wait for it.
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let lastNote = 0;
  let working: Promise<void> | undefined;

  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
    working = undefined;
    options.onIdle();
  };

  async function bringIn(row: InstanceView, attempt: Promise<InstanceImport>): Promise<void> {
    const result = await attempt.catch(
      (error: unknown): InstanceImport => ({ row, status: "refused", error: errorRecord(error) }),
    );
    if (stopping.signal.aborted) return;
    done.push(result);
    options.onDone(result);
    const noted = noteImport(connection, host, run, result).then((sequence) => {
      lastNote = Math.max(lastNote, sequence);
    });
    await Promise.race([noted.catch(options.onNoteFailed), stopped]);
  }

  function take(name: string, row: InstanceView, start: () => Promise<InstanceImport>): void {
    if (stopping.signal.aborted || taken.has(name)) return;
    taken.add(name);
    queue.push(() => bringIn(row, start()));
    working ??= Promise.resolve().then(work);
  }

  return {
    offer(view, only) {
      const { spec, instances } = view;
      if (spec === undefined) return;
      const { bus } = connection;
      const { signal } = stopping;
      const jobOf = (row: InstanceView): ImportJob => ({
        ...{ bus, target, spec, row, instances, signal, rules: rulesFor(row, spec) },
      });
      for (const row of only ? [only] : instances.values()) {
        if (importsByItself(row, spec)) take(row.instance, row, () => importInstance(jobOf(row)));
      }
      if (only) return;
      for (const chosen of chosenBranches(view)) {
        const { row, execution } = chosen;
        if (chosen.isImported) continue;
        take(`best of ${execution}`, row, () => importBest(jobOf(row), chosen));
      }
    },
    get idle() {
      return working === undefined;
    },
    get lastNote() {
      return lastNote;
    },
    done,
    async stop() {
      queue.length = 0;
      stopping.abort();
      await working;
    },
  };
}
