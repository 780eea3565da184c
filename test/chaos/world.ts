import type { Running } from "../support/pitaya.ts";
import type { WorldKind } from "./plan.rules.ts";
import type { RunWatch } from "./run-watch.ts";

/** A runner-agent of a world and where it keeps its files. */
export interface WorldRunner {
  readonly id: string;
  readonly stateDir: string;
}

/** Something that can be struck down and put back. */
export interface Victim {
  readonly name: string;
  kill(): void | Promise<void>;
  /** After a kill: starts again what does not come back by itself. */
  bringBack(): void | Promise<void>;
  freeze(): void | Promise<void>;
  thaw(): void | Promise<void>;
}

/** The parts that a run needs, all of them real. Serves one run after the other. */
export interface World {
  readonly kind: WorldKind;
  readonly watch: RunWatch;
  readonly runners: readonly WorldRunner[];
  readonly engine: string | undefined;
  /** Files with what its programs have said. */
  readonly logs: readonly string[];
  /** The `pitaya` command as this world's user has it. */
  pitaya(args: readonly string[], cwd: string): Running;
  /** One of this world's own programs. @throws where it has no such part */
  victim(target: string, runner: string | undefined): Promise<Victim>;
  /** Resolves when everything is there and does its work. */
  whole(): Promise<void>;
  /** Ends everything. @returns what is left that should not be */
  close(): Promise<readonly string[]>;
}
