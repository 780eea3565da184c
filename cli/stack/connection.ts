import type { BusAccess, StackStatus } from "./messages.ts";
import type { LineEnd, StackLine } from "./stack-line.ts";

/** A stack that is ready, and stays so while a run is live, a submit is under way, or this is open. */
export interface StackConnection {
  readonly bus: BusAccess;
  status(): Promise<StackStatus>;
  /**
   * No submit of this command is under way any more: `down --when-idle` and a newer build no longer
   * wait for it. From the opening until then they do.
   */
  release(): Promise<void>;
  /** Another submit is about to begin. */
  hold(): Promise<void>;
  /** The embedded runner offers at least so many slots for this run; until no run is live any more. */
  raiseSlots(run: string, atLeast: number): Promise<void>;
  /**
   * Resolves when the stack has gone, and after `close`. `down`: somebody ended it, and what it
   * `interrupted` has to be resumed. Any other reason: its runs go on in the next one, which
   * `reconnect` starts: it was killed (`lost`), a part of it failed for good (`failed`), or a newer
   * build took its place while nothing was live (`replaced`).
   */
  readonly ended: Promise<LineEnd>;
  /**
   * The stack anew, started where it does not run. It has the same address where that was still free,
   * so that a bus connection comes back by itself; else `bus.url` is another.
   */
  reconnect(): Promise<StackConnection>;
  close(): void;
}

export function stackConnection(
  line: StackLine,
  bus: BusAccess,
  reconnect: () => Promise<StackConnection>,
): StackConnection {
  const visit = async (as: "submit" | "attach") => {
    await line.ask({ verb: "visit", visit: as });
  };
  return {
    bus,
    status: () => line.ask({ verb: "status" }),
    release: () => visit("attach"),
    hold: () => visit("submit"),
    async raiseSlots(run, atLeast) {
      await line.ask({ verb: "slots", run, atLeast });
    },
    ended: line.ended,
    reconnect,
    close: () => line.close(),
  };
}
