import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
  initialTransition,
  type SnapshotFrom,
  transition,
} from "xstate";

/**
 * The pure heart of every actor. A machine here has no `after`, no `invoke` and no actions but
 * `assign`: deadlines are data in its context, and what must be done outside follows from its state
 * (see `intents.ts`). So a snapshot is all there is to an actor, and this is the one file that calls
 * XState.
 */

/** The state of a new actor. */
export function born<M extends AnyStateMachine>(machine: M, input: InputFrom<M>): SnapshotFrom<M> {
  return initialTransition(machine, input)[0] as SnapshotFrom<M>;
}

/**
 * The state after an event; the same object when the event changes nothing. A finished actor takes
 * no events: `transition()` alone would leave a final state through a handler above it.
 *
 * @throws Error when the machine asks for an effect: those belong to intents
 */
export function advance<M extends AnyStateMachine>(
  machine: M,
  snapshot: SnapshotFrom<M>,
  event: EventFromLogic<M>,
): SnapshotFrom<M> {
  if ((snapshot as AnyMachineSnapshot).status !== "active") return snapshot;
  const [next, effects] = transition(machine, snapshot, event);
  const [effect] = effects;
  if (effect !== undefined) throw new Error(`machine ${machine.id} asks for effect ${effect.type}`);
  return next as SnapshotFrom<M>;
}

/**
 * The snapshot of an actor that is in this state with this context: all there is to one whose machine
 * has no history states and no children.
 */
export function placedIn<M extends AnyStateMachine>(
  machine: M,
  value: SnapshotFrom<M>["value"],
  context: SnapshotFrom<M>["context"],
): SnapshotFrom<M> {
  return machine.resolveState({ value, context }) as SnapshotFrom<M>;
}

/** A snapshot as JSON, and back. */
export function freeze<M extends AnyStateMachine>(machine: M, snapshot: SnapshotFrom<M>): unknown {
  return JSON.parse(JSON.stringify(machine.getPersistedSnapshot(snapshot)));
}

export function thaw<M extends AnyStateMachine>(machine: M, frozen: unknown): SnapshotFrom<M> {
  const actor = createActor(machine as AnyStateMachine, { snapshot: frozen as never });
  return actor.getSnapshot() as SnapshotFrom<M>;
}
