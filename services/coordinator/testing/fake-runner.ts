import { type Bus, decode, encode, openChain, sealer } from "@pitaya/bus";
import {
  buckets,
  CancelCommand,
  type Fact,
  FactMessage,
  messageIds,
  ProcessId,
  RunnerAbout,
  RunnerLiveness,
  StartCommand,
  subjects,
} from "@pitaya/protocol";

export const NO_ACCOUNT = { agentMs: 0 } as const;

export const succeeded = (): Fact => ({
  type: "attempt.succeeded",
  uncommitted: false,
  forcedCommit: false,
  account: NO_ACCOUNT,
  lfsObjectsMissing: 0,
});

export const failed = (
  code: "agent_failed" | "overloaded" | "rate_limited" | "cancelled",
  retryable: boolean,
  retryAfterMs?: number,
): Fact => ({
  type: "attempt.failed",
  error: {
    ...{ code, message: `the script says ${code}`, retryable },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  },
  lastOutput: "",
  account: NO_ACCOUNT,
  lfsObjectsMissing: 0,
});

/** An attempt in the hands of a fake runner. */
export interface FakeAttempt {
  readonly start: StartCommand;
  /** @returns whether it was stored; false after a seal @throws as `append`; it may be told again */
  tell(fact: Fact): Promise<boolean>;
}

export interface FakeRunner {
  readonly id: ProcessId;
  readonly curve: ReturnType<typeof sealer>;
  /** The next start, claimed. */
  take(): Promise<FakeAttempt>;
  nextCancel(): Promise<CancelCommand>;
  heartbeat(): Promise<void>;
  /** Attempts its heartbeats list. */
  readonly attempts: Map<string, StartCommand>;
  stop(): void;
}

/**
 * A runner by hand: it speaks the real messages on the given bus and runs nothing.
 *
 * @param leaseMs how long each of its heartbeats lasts; after the first one the test gives them
 */
export async function fakeRunner(bus: Bus, name: string, leaseMs = 5_000): Promise<FakeRunner> {
  const id = ProcessId.parse(name);
  const curve = sealer();
  const stopping = new AbortController();
  const attempts = new Map<string, StartCommand>();
  const incarnation = "00000001";
  const bucket = bus.bucket(buckets.runners);

  const heartbeat = async () => {
    const listed = [...attempts.values()].map(({ run, instance, attempt }) => ({
      run,
      instance,
      attempt,
    }));
    const value = {
      v: 1,
      runner: id,
      incarnation,
      attempts: listed,
      lastStart: 0,
      slotsUsed: 0,
    } as const;
    await bucket.put(id, encode(RunnerLiveness, value), { ttlMs: leaseMs });
  };
  await bucket.put(
    `${id}.about`,
    encode(RunnerAbout, {
      v: 1,
      runner: id,
      version: "0.0.0",
      pool: "default",
      labels: {},
      slots: 4,
      leaseMs,
      cpus: 2,
      memoryBytes: 4_000_000_000,
      engineVersion: "0",
      curveKey: curve.publicKey,
      packs: [],
    }),
  );
  await heartbeat();

  async function take(): Promise<FakeAttempt> {
    const delivery = await bus.commands.next(id, "start", stopping.signal);
    if (!delivery) throw new Error("stopped");
    const start = decode(StartCommand, delivery.payload, "start");
    const { run, instance, attempt } = start;
    const subject = subjects.fact.of({ run, runner: id, instance, attempt: String(attempt) });
    let chain = openChain(bus.events, subject, 0);
    let n = 0;
    const tell = async (fact: Fact) => {
      n += 1;
      const message = {
        v: 1,
        run,
        instance,
        attempt,
        by: "runner",
        runner: id,
        incarnation,
        n,
        at: new Date(0).toISOString(),
        fact,
      } as const;
      const messageId = messageIds.fact(run, instance, attempt, incarnation, n);
      const stored = await chain
        .append({ id: messageId, payload: encode(FactMessage, message) })
        .catch((error: unknown) => {
          n -= 1;
          chain = openChain(bus.events, subject, chain.lastSequence);
          throw error;
        });
      if (fact.type === "attempt.succeeded" || fact.type === "attempt.failed") {
        attempts.delete(`${instance}.${attempt}`);
      }
      return stored.status === "stored";
    };
    attempts.set(`${instance}.${attempt}`, start);
    if (!(await tell({ type: "attempt.claimed" }))) attempts.delete(`${instance}.${attempt}`);
    await delivery.ack();
    return { start, tell };
  }

  return {
    id,
    curve,
    attempts,
    take,
    heartbeat,
    async nextCancel() {
      const delivery = await bus.commands.next(id, "control", stopping.signal);
      if (!delivery) throw new Error("stopped");
      await delivery.ack();
      return decode(CancelCommand, delivery.payload, "cancel");
    },
    stop: () => stopping.abort(),
  };
}
