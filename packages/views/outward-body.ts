import type { OutwardEvent, OutwardOf, OutwardType } from "./outward-event.ts";
import type { InstanceView } from "./run-view.ts";

/** An outward event without what every one has. */
export type OutwardBody = {
  [T in OutwardType]: {
    readonly type: T;
    readonly execution?: string;
    readonly key?: string;
    readonly payload: OutwardOf<T>["payload"];
  };
}[OutwardType];

/** @param id names the place in the log; the same for the same event wherever it is projected */
export function outwardEvent(run: string, id: string, at: number, body: OutwardBody): OutwardEvent {
  const { type, execution, key, payload } = body;
  return {
    v: 1,
    id,
    type,
    ts: new Date(at).toISOString(),
    run_id: run,
    ...(execution === undefined ? {} : { strategy_execution_id: execution }),
    ...(key === undefined ? {} : { key }),
    payload,
  } as OutwardEvent;
}

type TaskType = Extract<OutwardType, `task.${string}`>;

/** A body about one instance: its key and execution stand in the envelope and in the payload. */
export function taskBody<T extends TaskType>(
  type: T,
  row: InstanceView,
  payload: Omit<OutwardOf<T>["payload"], "key" | "instance_id">,
): OutwardBody {
  return {
    type,
    execution: row.execution,
    key: row.key,
    payload: { key: row.key, instance_id: row.instance, ...payload },
  } as OutwardBody;
}

type Progress = Omit<OutwardOf<"task.progress">["payload"], "key" | "instance_id" | "attempt">;

export const progress = (row: InstanceView, attempt: number, step: Progress): OutwardBody =>
  taskBody("task.progress", row, { ...step, attempt });
