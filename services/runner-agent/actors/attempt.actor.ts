import { advance, born, intentRunner, mailbox } from "@pitaya/actors";
import { errorRecord, isPitayaError, PitayaError } from "@pitaya/protocol";
import type { FactChain } from "../adapters/fact-chain.ts";
import { atMost } from "../adapters/waiting.ts";
import { attemptMachine } from "../domain/attempt.machine.ts";
import type { AttemptEvent, AttemptInput } from "../domain/attempt.ts";
import { recordOf } from "../domain/attempt-record.ts";
import { nextDeadline } from "../domain/deadlines.rules.ts";
import { endsWithSnapshot } from "../domain/ending.rules.ts";
import { type AttemptIntent, intentsOf } from "../domain/intents.rules.ts";
import { lossOf } from "../domain/standing.rules.ts";
import type { AttemptScope } from "../phases/attempt-scope.ts";
import { cleanUp } from "../phases/clean.ts";
import { fetchAll } from "../phases/fetch.ts";
import { collectHarvest } from "../phases/harvest.ts";
import { prepareContainer } from "../phases/prepare.ts";
import { readFile } from "../phases/read-file.ts";
import { runAgent } from "../phases/run.ts";
import { takeSnapshot } from "../phases/snapshot.ts";
import { uploadWork } from "../phases/upload.ts";
import type { AttemptName } from "../ports/executor.port.ts";

/** One attempt, alive: its machine, and what its state asks of the outside under way. */
export interface AttemptActor {
  readonly name: AttemptName;
  send(event: AttemptEvent): void;
  /** Resolves when what was sent so far is handled and what must outlive this process is on disk. */
  handled(): Promise<void>;
  /** Its agent may be writing to disk. */
  readonly isRunning: boolean;
  /** Its agent is taken to be at work: not starting, ending or standing still. */
  readonly isAtWork: boolean;
  /** Resolves when the coordinator knows how it ended, or does not want to: its slot is free. */
  readonly ended: Promise<void>;
  /** Resolves when nothing of it is left to do here. */
  readonly over: Promise<void>;
  /** Lets go of it; its container goes on, for the next incarnation to adopt. */
  detach(): Promise<void>;
}

export interface AttemptActorOptions {
  readonly scope: AttemptScope;
  readonly input: AttemptInput;
  readonly chain: FactChain;
  /** Tells the queue that the start is in good hands. Once it is on disk. */
  readonly acknowledge: () => Promise<void>;
}

const RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;
/** A deed that was given up gets this long to let go of the engine. */
const ENGINE_PATIENCE_MS = 30_000;

export function attemptActor({
  scope,
  input,
  chain,
  acknowledge,
}: AttemptActorOptions): AttemptActor {
  const { clock, log } = scope;
  const ended = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  let snapshot = born(attemptMachine, input);
  let recorded = "";
  let told = 0;
  let cancelDeadline = () => {};
  let detached = false;

  const intents = intentRunner<AttemptIntent>({
    clock,
    perform,
    onError(intent, err, failures) {
      const retryAfterMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (failures - 1));
      log.warn({ err, deed: intent.id, failures, retryAfterMs }, "will be tried again");
      return { retryAfterMs };
    },
  });

  /** Deeds that touch the engine: what clean-up must not overtake. */
  const onEngine = new Set<Promise<void>>();

  const box = mailbox<AttemptEvent | { readonly type: "BEGIN" }>(handle, (err, event) => {
    log.error({ err, event: event.type }, "event not handled");
  });
  const send = box.post;

  async function handle(event: AttemptEvent | { readonly type: "BEGIN" }): Promise<void> {
    if (detached) return;
    if (event.type === "BEGIN") return settle();
    const before = snapshot;
    snapshot = advance(attemptMachine, snapshot, event);
    if (snapshot === before) return;
    if (event.type !== "OUTPUT")
      log.debug({ event: event.type, state: snapshot.value }, "advanced");
    await settle();
  }

  /** Brings the outside in step with the state. What must survive this process comes first. */
  async function settle(): Promise<void> {
    await keepRecord();
    tellFacts();
    intents.reconcile(intentsOf(snapshot));
    armDeadline();
    const isOver = snapshot.status !== "active";
    if (isOver || snapshot.matches({ live: "cleaning" }) || snapshot.matches("sealed"))
      ended.resolve();
    if (isOver) over.resolve();
  }

  async function keepRecord(): Promise<void> {
    // Past its last fact nothing is to be remembered, and its directory may be on its way out.
    if (snapshot.status !== "active" || snapshot.matches("sealed")) return;
    const record = recordOf(snapshot.context);
    const text = JSON.stringify(record);
    if (text === recorded) return;
    try {
      await scope.directory.writeRecord(record);
      recorded = text;
    } catch (err) {
      // It is for the next incarnation only. This one goes on.
      log.warn({ err }, "attempt record not written");
    }
  }

  function tellFacts(): void {
    for (const fact of snapshot.context.facts.slice(told)) {
      told += 1;
      chain.tell(fact).then(
        (loss) => {
          if (loss) send({ type: lossOf(loss.lost) });
          else if (fact.type === "attempt.paused") send({ type: "PAUSE_TOLD" });
        },
        (err: unknown) => {
          if (!detached) log.error({ err, fact: fact.type }, "fact not told");
        },
      );
    }
  }

  function armDeadline(): void {
    cancelDeadline();
    cancelDeadline = () => {};
    const deadline = nextDeadline(snapshot);
    if (deadline === undefined) return;
    const { name, atMs } = deadline;
    cancelDeadline = clock.setTimer(Math.max(0, atMs - clock.now()), () => {
      const { lastOutputAtMs = 0 } = scope;
      const isStale = name === "stall" && lastOutputAtMs > snapshot.context.lastOutputAtMs;
      // The machine is not told of every byte, only when it would otherwise believe in silence.
      if (isStale) send({ type: "OUTPUT", atMs: lastOutputAtMs });
      else send({ type: "DEADLINE", name, atMs: clock.now() });
    });
  }

  async function perform(intent: AttemptIntent, signal: AbortSignal): Promise<void> {
    const deed = performers[intent.id](signal);
    if (touchesEngine(intent)) {
      const settled = deed.catch(() => undefined).finally(() => onEngine.delete(settled));
      onEngine.add(settled);
    }
    try {
      await deed;
    } catch (error) {
      if (signal.aborted) return;
      if (isRepeated(intent) || waitsForBus(intent, error)) throw error;
      log[isPitayaError(error) ? "warn" : "error"](
        { err: error, phase: intent.id },
        "phase failed",
      );
      send({ type: "FAILED", error: errorRecord(error) });
    }
  }

  /** Nothing of ours is being made any more, so nothing is made after it was removed. */
  async function leaveNothing(): Promise<void> {
    await atMost(clock, ENGINE_PATIENCE_MS, Promise.all(onEngine));
    await cleanUp(scope);
    send({ type: "CLEANED" });
  }

  /** What goes wrong on the runner's own disk is not the work's fault: another attempt may do. */
  async function writeStart(): Promise<void> {
    try {
      await scope.directory.writeStart(scope.command);
    } catch (cause) {
      if (isPitayaError(cause)) throw cause;
      const message = "The attempt could not be written to the disk of its runner.";
      throw new PitayaError("runner_lost", message, { cause, retryable: true });
    }
  }

  const performers: Record<AttemptIntent["id"], (signal: AbortSignal) => Promise<void>> = {
    async record() {
      await writeStart();
      // Unacknowledged, the start comes again and is known then.
      await acknowledge().catch((err: unknown) => log.warn({ err }, "start not acknowledged"));
      send({ type: "RECORDED" });
    },
    async fetch(signal) {
      const { task } = scope.command;
      if (task.read) {
        const found = await readFile(scope, task.read, signal);
        send({ type: "READ", found });
        return;
      }
      await fetchAll(scope);
      send({ type: "FETCHED" });
    },
    async prepare(signal) {
      send({ type: "PREPARED", ...(await prepareContainer(scope, signal)) });
    },
    async run(signal) {
      const adopt = snapshot.matches({ live: { running: "adopting" } });
      await runAgent(scope, { adopt, send, stop: () => snapshot.context.stop, signal });
    },
    async unpause(signal) {
      await scope.whenMayRun(signal);
      signal.throwIfAborted();
      const loss = await scope.lossOf(scope.name);
      if (loss !== undefined) return send({ type: loss });
      await scope.executor.unpause(scope.name);
      send({ type: "UNPAUSED", atMs: clock.now() });
    },
    async terminate() {
      await scope.execution?.signal("TERM");
    },
    async kill() {
      await scope.execution?.signal("KILL");
    },
    async snapshot(signal) {
      const taken = await takeSnapshot(scope, signal).catch((err: unknown) => {
        // The next one may be had, and the agent's work does not depend on it.
        if (!signal.aborted) log.warn({ err }, "no snapshot");
      });
      send({
        type: "SNAPSHOT_TAKEN",
        atMs: clock.now(),
        ...(taken && { snapshot: taken }),
      });
    },
    async harvest(signal) {
      const wantsConversation = endsWithSnapshot(snapshot.context);
      const harvested = await collectHarvest(scope, wantsConversation, signal);
      send({ type: "HARVESTED", harvested });
    },
    async upload() {
      const { harvested, end } = snapshot.context;
      send({ type: "STORED", ...(await uploadWork(scope, harvested, end)) });
    },
    report,
    reportBarely: report,
    clean: leaveNothing,
    destroy: leaveNothing,
  };

  async function report(): Promise<void> {
    if ((await chain.settled()) === undefined) send({ type: "REPORTED" });
  }

  box.post({ type: "BEGIN" });

  return {
    name: scope.name,
    send,
    handled: () => box.idle(),
    get isRunning() {
      return snapshot.matches({ live: "running" });
    },
    get isAtWork() {
      return snapshot.matches({ live: { running: "working" } });
    },
    ended: ended.promise,
    over: over.promise,
    async detach() {
      detached = true;
      cancelDeadline();
      await box.close();
      await intents.stop();
      ended.resolve();
      over.resolve();
    },
  };
}

const touchesEngine = ({ id }: AttemptIntent): boolean =>
  id === "prepare" || id === "run" || id === "unpause" || id === "snapshot" || id === "harvest";

/** What must be done in the end, however often it fails; a phase that fails ends the attempt. */
const isRepeated = ({ id }: AttemptIntent): boolean =>
  id === "unpause" || id === "terminate" || id === "kill" || id === "clean" || id === "destroy";

/** What an agent made is not thrown away because the bus is away, or full, just now. */
const waitsForBus = ({ id }: AttemptIntent, error: unknown): boolean =>
  id === "upload" &&
  isPitayaError(error) &&
  (error.code === "bus_unavailable" || error.code === "store_full");
