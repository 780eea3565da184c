import { setTimeout as delay } from "node:timers/promises";
import { type ErrorRecord, errorRecord, PitayaError, PROTOCOL_VERSION } from "@pitaya/protocol";
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
import { isFree, isResting, type Situation } from "./rest.rules.ts";
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
/** A start can fail before those who wait for it have connected. They are to hear it, not to try again. */
const FAILURE_TOLD_MS = 1_000;

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
  let phase: Phase = "starting";
  let stack: RunningStack | undefined;
  let failure: ErrorRecord | undefined;
  let lastProgress: string | undefined;
  let trouble: string | undefined;
  let leastSlots = 0;
  let idleTimer: NodeJS.Timeout | undefined;

  const door: FrontDoor = await openFrontDoor(options.socket, {
    arrived(guest) {
      if (phase === "closing") guest.send({ type: "closing", reason: "idle", interrupted: [] });
      else if (failure) guest.send({ type: "failed", error: failure });
      else if (stack) guest.send({ type: "ready", bus: stack.bus });
      else if (lastProgress) guest.send({ type: "progress", text: lastProgress });
      changed();
    },
    left(guest) {
      waitingForEnd.delete(guest);
      changed();
    },
    asked: answer,
    status,
  });

  const liveRuns = () => stack?.liveRuns() ?? 0;

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
      liveRuns: liveRuns(),
      attached: guests.length,
      submitting: guests.filter(({ visit }) => visit === "submit").length,
      idleMs: options.idleMs,
      ...(stack ? { natsUrl: stack.bus.url } : {}),
      ...(trouble === undefined ? {} : { trouble }),
    };
  }

  function answer(guest: Guest, request: Request): void {
    if (phase === "closing") throw new PitayaError("stack_failed", "the stack is closing");
    if (request.verb === "visit") guest.visit = request.visit;
    if (request.verb === "slots") setLeastSlots(Math.max(leastSlots, request.atLeast));
    if (request.verb === "down") askedDown(guest, request.mode);
    guest.send({ type: "done", id: request.id, status: status(guest) });
    changed();
  }

  function askedDown(guest: Guest, mode: DownMode): void {
    if (mode === "now") end("down");
    else if (mode === "when-idle") waitingForEnd.add(guest);
    else if (phase === "ready" && isFree(situation(guest))) end("replaced");
    else throw new PitayaError("stack_failed", "the stack is in use");
  }

  /** Looks at the situation anew, after each change of it. */
  function changed(): void {
    if (phase !== "ready" || !stack) return;
    const now = situation();
    if (isFree(now)) setLeastSlots(0);
    if (waitingForEnd.size > 0 && isFree(now)) end("down");
    else if (isResting(now)) idleTimer ??= setTimeout(() => end("idle"), options.idleMs);
    else {
      clearTimeout(idleTimer);
      idleTimer = undefined;
    }
  }

  function setLeastSlots(count: number): void {
    if (count === leastSlots) return;
    leastSlots = count;
    stack?.setLeastSlots(count);
  }

  async function startUp(): Promise<void> {
    const started = await options.start(progress);
    stack = started;
    if (phase === "closing") return;
    phase = "ready";
    started.onLiveRuns(changed);
    started.onFailure(fail);
    started.onTrouble((text) => {
      trouble = text;
      progress(text ?? "there is room on the disk again; the runs go on");
    });
    log.info({ url: started.bus.url }, "ready");
    for (const guest of door.guests) guest.send({ type: "ready", bus: started.bus });
    changed();
  }

  function fail(error: unknown): void {
    if (phase === "closing") return;
    log.error({ err: error }, "the stack failed");
    failure = errorRecord(error);
    for (const guest of door.guests) guest.send({ type: "failed", error: failure });
    if (stack) {
      end("failed");
      return;
    }
    phase = "failed";
    setTimeout(() => end("failed"), FAILURE_TOLD_MS);
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
    const interrupted = stack && reason === "down" ? await interruptLive(stack) : [];
    if (stack) progress("stopping nats-server and the services");
    for (const guest of door.guests)
      guest.send({ type: "closing", reason, interrupted: [...interrupted] });
    if (stack)
      await attempt("stopping", stack.stop(reason === "failed" ? "leave" : "end"), STOP_TIMEOUT_MS);
    await door.close();
    log.info({ reason, interrupted }, "closed");
  }

  async function interruptLive(running: RunningStack): Promise<readonly string[]> {
    let interrupted: readonly string[] = [];
    const interrupting = running.interruptAll("the stack was stopped", progress).then((runs) => {
      interrupted = runs;
    });
    await attempt("interrupting the live runs", interrupting, INTERRUPT_TIMEOUT_MS);
    return interrupted;
  }

  /** What fails or hangs does not keep the stack from ending; the log says so. */
  async function attempt(what: string, work: Promise<void>, timeoutMs: number): Promise<void> {
    const timer = new AbortController();
    const tooLate = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw new PitayaError("stack_failed", `not done after ${timeoutMs} ms`);
    });
    try {
      await Promise.race([work, tooLate]);
    } catch (error) {
      log.error({ err: error }, `${what} failed`);
    } finally {
      timer.abort();
      await Promise.allSettled([tooLate]);
    }
  }

  const starting = startUp();
  starting.catch(fail);
  return { end, ended: ended.promise };
}
