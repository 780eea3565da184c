import type { LogEvent } from "../run-log.ts";
import type { Violation } from "./violation.ts";

/** A timer is set once, and fires once, after it was set. */
export function timerCheck() {
  const timers = new Map<string, "set" | "fired">();
  return {
    *take(event: LogEvent): Generator<Violation> {
      if (event.kind !== "decision") return;
      const { entry } = event;
      if (entry.type !== "timer.set" && entry.type !== "timer.fired") return;
      const key = `${entry.execution}.${entry.path}.${entry.index}`;
      const before = timers.get(key);
      const isSet = entry.type === "timer.set";
      timers.set(key, isSet ? "set" : "fired");
      if (before === (isSet ? undefined : "set")) return;
      const state = before === undefined ? "was never set" : `is ${before} already`;
      const message = `${entry.type} of ${key}, which ${state}`;
      yield { rule: "order", sequence: event.place.sequence, message };
    },
  };
}
