import type { Signal } from "../host.ts";

/** Whose run it is: only the command that submitted or resumed it interrupts it. */
export type Role = "owner" | "watcher";

export type SignalAnswer =
  /** Interrupt the run, and wait for its end. */
  | "interrupt"
  /** Leave at once, whatever goes on. */
  | "leave"
  /** Let the run go on without this command. */
  | "detach";

/** @param before signals that were answered already */
export function answerSignal(signal: Signal, role: Role, before: number): SignalAnswer {
  if (signal === "SIGHUP" || role === "watcher") return "detach";
  return before === 0 ? "interrupt" : "leave";
}
