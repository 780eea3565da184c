import { errorRecord, type RunSpec } from "@pitaya/protocol";
import type { InstanceView } from "@pitaya/views";
import type { Connection } from "../connect/connection.port.ts";
import { noteImport } from "../follow/notes.ts";
import type { Host } from "../host.ts";
import { importsByItself, rulesFor } from "./import.rules.ts";
import { type ImportTarget, type InstanceImport, importInstance } from "./import-instance.ts";

/** Brings branches in as their instances succeed, one after another. */
export interface Importer {
  /** Looks at an instance; one that was taken in hand already is passed over. */
  offer(row: InstanceView, spec: RunSpec): void;
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

  async function bringIn(row: InstanceView, spec: RunSpec): Promise<void> {
    const result = await tryImport(row, spec);
    if (stopping.signal.aborted) return;
    done.push(result);
    options.onDone(result);
    const noted = noteImport(connection, host, run, result).then((sequence) => {
      lastNote = Math.max(lastNote, sequence);
    });
    await Promise.race([noted.catch(options.onNoteFailed), stopped]);
  }

  async function tryImport(row: InstanceView, spec: RunSpec): Promise<InstanceImport> {
    const { bus } = connection;
    const rules = rulesFor(row, spec);
    try {
      return await importInstance({ bus, target, spec, row, rules, signal: stopping.signal });
    } catch (error) {
      return { row, status: "refused", error: errorRecord(error) };
    }
  }

  return {
    offer(row, spec) {
      if (stopping.signal.aborted || taken.has(row.instance) || !importsByItself(row, spec)) return;
      taken.add(row.instance);
      queue.push(() => bringIn(row, spec));
      working ??= Promise.resolve().then(work);
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
