import { PitayaError } from "@pitaya/protocol";
import type { Host, Signal } from "../host.ts";
import { answerSignal, type Role } from "./signals.rules.ts";

/** What a signal means to this command, from its start to its end. */
export interface SignalDesk {
  readonly role: Role;
  /** Aborts when a signal came before there is a run to interrupt, or this command is to go. */
  readonly early: AbortSignal;
  /** This command is to go and the run to go on. */
  readonly departed: boolean;
  onDeparture(call: () => void): void;
  /** From now on a first signal interrupts by this; at once where it came already. */
  interruptBy(interrupt: () => void): void;
  /** What is said, and cleaned up, before this process ends at once. Synchronous. */
  onLeave(call: () => void): void;
  /** The run is another command's after all: from now on a signal leaves it running. */
  onlyWatches(): void;
  close(): void;
}

/** Exit code of a process that leaves a run behind that is being interrupted. */
const LEFT = 2;

export function signalDesk(host: Host, first: Role): SignalDesk {
  let role = first;
  const early = new AbortController();
  const departures: (() => void)[] = [];
  const leaves: (() => void)[] = [];
  let answered = 0;
  let wanted = false;
  let departed = false;
  let interrupt: (() => void) | undefined;

  const answer = (signal: Signal) => {
    const what = answerSignal(signal, role, answered);
    answered += 1;
    if (what === "leave") {
      for (const call of leaves) call();
      host.exit(LEFT);
    }
    if (what === "interrupt" && interrupt) return interrupt();
    const hint =
      "an embedded stack that was being started ends by itself when idle, or with: pitaya down";
    early.abort(
      new PitayaError("interrupted", "interrupted before anything was asked for", { hint }),
    );
    if (what === "interrupt") {
      wanted = true;
      return;
    }
    departed = true;
    for (const call of departures) call();
  };
  const off = host.onSignal(answer);

  return {
    get role() {
      return role;
    },
    early: early.signal,
    get departed() {
      return departed;
    },
    onDeparture(call) {
      if (departed) call();
      else departures.push(call);
    },
    interruptBy(call) {
      interrupt = call;
      if (wanted) call();
    },
    onLeave: (call) => void leaves.push(call),
    onlyWatches() {
      role = "watcher";
    },
    close: off,
  };
}
