import type { OutwardEvent } from "./outward-event.ts";

/** What an agent was last seen doing. */
export interface Activity {
  readonly phase: string;
  readonly text: string;
}

/** Folds outward events into what each instance's agent is doing, for a screen. */
export interface Activities {
  readonly of: ReadonlyMap<string, Activity>;
  apply(event: OutwardEvent): void;
}

export function activities(): Activities {
  const rows = new Map<string, Activity>();
  return {
    of: rows,
    apply(event) {
      if (event.type === "task.started" || event.type === "task.retrying") {
        rows.delete(event.payload.instance_id);
        return;
      }
      if (event.type !== "task.progress") return;
      const { instance_id, phase, tool, activity = "" } = event.payload;
      const text = tool === undefined ? activity : `${tool} ${activity}`;
      if (phase !== "tool_result" && text !== "") rows.set(instance_id, { phase, text });
    },
  };
}
