import { setTimeout as delay } from "node:timers/promises";
import { errorRecord, PitayaError, PROTOCOL_VERSION } from "@pitaya/protocol";
import type { Logger } from "pino";
import { type FrontDoor, type Guest, openFrontDoor } from "./front-door.ts";
import type {
  DownMode,
  EndReason,
  Phase,
  ProgramVersion,
  Request,
  StackStatus,
} from "./messages.ts";
import { isDone, isReplaceable, isResting, type Situation, slotsStillAsked } from "./rest.rules.ts";
import type { RunningStack } from "./running-stack.ts";

export interface SupervisorOptions {
  readonly socket: string;
  readonly engine: string;
  readonly program: ProgramVersion;
  readonly idleMs: number;
  readonly log: Logger;
  /** Starts nats-server and the services, telling each step in a few words. */
  start(progress: (text: string) => void): Promise<RunningStack>;
}

export interface Supervisor {
  end(reason: EndReason): void;
  /** Resolves when all of it is gone. */
  readonly ended: Promise<EndReason>;
}

const INTERRUPT_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

/**
 * One stack. Its lock is taken before and released after, by the caller.
 *
 * It listens before it is ready, so that everyone who comes meanwhile is told how far it is, and of
 * its failure. It ends when it has rested for the idle time, when it is told to, and when a part of it
 * fails for good: first it takes no more guests, then the stack stops, then the guests' connections
 * end. A guest that meets the closing tries again and starts the next stack.
 */
export async function supervise(options: SupervisorOptions): Promise<Supervisor> {
  const { log, program } = options;
  const startedAt = new Date().toISOString();
  const ended = Promise.withResolvers<EndReason>();
  const waitingForEnd = new Set<Guest>();
  const slotsAsked = new Map<string, { atLeast: number; guest: Guest }>();
  let phase: Phase = "starting";
  let stack: RunningStack | undefined;
  let lastProgress = "starting";
  let leastSlots = 0;
  let idleTimer: NodeJS.Timeout | undefined;

  const door: FrontDoor = await openFrontDoor(options.socket, {
    arrived(guest) {
      if (phase === "closing") guest.send({ type: "closing", reason: "idle", interrupted: [] });
      else if (stack) guest.send({ type: "ready", bus: stack.bus });
      else guest.send({ type: "progress", text: lastProgress });
      changed();
    },
    left(guest) {
      waitingForEnd.delete(guest);
      changed();
    },
    asked: answer,
    status,
  });

  const liveRuns = () => stack?.liveRuns() ?? [];
  const liveRunIds = () => liveRuns().map(({ run }) => run);

  function situation(notCounted?: Guest): Situation {
    const guests = [...door.guests].flatMap((guest) =>
      guest.visit === "ask" || guest === notCounted ? [] : [{ visit: guest.visit }],
    );
    return { guests, liveRuns: liveRuns() };
  }

  function progress(text: string): void {
    lastProgress = text;
    log.info(text);
    for (const guest of door.guests) guest.send({ type: "progress", text });
  }

  function status(guest: Guest): StackStatus {
    const { guests } = situation(guest);
    return {
      ...program,
      protocol: PROTOCOL_VERSION,
      engine: options.engine,
      pid: process.pid,
      phase,
      startedAt,
      liveRuns: liveRunIds(),
      attached: guests.length,
      submitting: guests.filter(({ visit }) => visit === "submit").length,
      idleMs: options.idleMs,
      ...(stack ? { natsUrl: stack.bus.url } : {}),
    };
  }

  function answer(guest: Guest, request: Request): void {
    if (phase === "closing") throw new PitayaError("stack_failed", "the stack is closing");
    if (request.verb === "visit") guest.visit = request.visit;
    if (request.verb === "slots") slotsAsked.set(request.run, { atLeast: request.atLeast, guest });
    if (request.verb === "down") askedDown(guest, request.mode);
    guest.send({ type: "done", id: request.id, status: status(guest) });
    changed();
  }

  function askedDown(guest: Guest, mode: DownMode): void {
    if (mode === "now") end("down");
    else if (mode === "when-idle") waitingForEnd.add(guest);
    else if (phase === "ready" && isReplaceable(situation(guest))) end("replaced");
    else throw new PitayaError("stack_failed", "the stack is in use");
  }

  /** Looks at the situation anew, after each change of it. */
  function changed(): void {
    if (phase !== "ready" || !stack) return;
    raiseSlots(stack);
    const now = situation();
    if (waitingForEnd.size > 0 && isDone(now)) end("down");
    else if (isResting(now)) idleTimer ??= setTimeout(() => end("idle"), options.idleMs);
    else {
      clearTimeout(idleTimer);
      idleTimer = undefined;
    }
  }

  function raiseSlots(running: RunningStack): void {
    const wishes = [...slotsAsked].map(([run, { atLeast, guest }]) => {
      const submitting = guest.visit === "submit" && door.guests.has(guest);
      return [run, { atLeast, submitting }] as const;
    });
    const counting = slotsStillAsked(new Map(wishes), running.liveRuns());
    for (const run of slotsAsked.keys()) if (!counting.has(run)) slotsAsked.delete(run);
    const wanted = Math.max(0, ...counting.values());
    if (wanted !== leastSlots) running.setLeastSlots(wanted);
    leastSlots = wanted;
  }

  async function startUp(): Promise<void> {
    const started = await options.start(progress);
    stack = started;
    if (phase === "closing") return;
    phase = "ready";
    started.onLiveRuns(changed);
    started.onFailure(fail);
    log.info({ url: started.bus.url }, "ready");
    for (const guest of door.guests) guest.send({ type: "ready", bus: started.bus });
    changed();
  }

  function fail(error: unknown): void {
    if (phase === "closing") return;
    log.error({ err: error }, "the stack failed");
    for (const guest of door.guests) guest.send({ type: "failed", error: errorRecord(error) });
    end("failed");
  }

  function end(reason: EndReason): void {
    if (phase === "closing") return;
    phase = "closing";
    close(reason).then(() => ended.resolve(reason), ended.reject);
  }

  async function close(reason: EndReason): Promise<void> {
    log.info({ reason }, "closing");
    clearTimeout(idleTimer);
    door.closeToNew();
    await Promise.allSettled([starting]);
    const interrupted = reason === "down" || reason === "idle" ? await interruptLive(reason) : [];
    if (stack) progress("stopping nats-server and the services");
    for (const guest of door.guests) guest.send({ type: "closing", reason, interrupted });
    if (stack) await attempt("stopping", stack.stop(), STOP_TIMEOUT_MS);
    await door.close();
    log.info({ reason, interrupted }, "closed");
  }

  /** @returns the runs that are interrupted now */
  async function interruptLive(reason: EndReason): Promise<string[]> {
    const why = reason === "idle" ? "nobody brought credentials" : "the stack was stopped";
    const outcomes = await Promise.all(
      liveRunIds().map(async (run) => {
        progress(`interrupting ${run}`);
        const interrupting = stack?.interrupt(run, why) ?? Promise.resolve();
        const done = await attempt(`interrupting ${run}`, interrupting, INTERRUPT_TIMEOUT_MS);
        return done ? [run] : [];
      }),
    );
    return outcomes.flat();
  }

  /** What fails or hangs does not keep the stack from ending; the log says so. */
  async function attempt(what: string, work: Promise<void>, timeoutMs: number): Promise<boolean> {
    const timer = new AbortController();
    const tooLate = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw new PitayaError("stack_failed", `not done after ${timeoutMs} ms`);
    });
    try {
      await Promise.race([work, tooLate]);
      return true;
    } catch (error) {
      log.error({ err: error }, `${what} failed`);
      return false;
    } finally {
      timer.abort();
      await Promise.allSettled([tooLate]);
    }
  }

  const starting = startUp();
  starting.catch(fail);
  return { end, ended: ended.promise };
}
