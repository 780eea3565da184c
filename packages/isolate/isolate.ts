import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { errorFromRecord, PitayaError } from "@pitaya/protocol";
import {
  KeyConflict,
  type StrategyContext,
  type StrategyOutcome,
  TaskFailed,
} from "@pitaya/strategies";
import { ISOLATE_LIMITS, type IsolateLimits } from "./limits.ts";
import { FromWorker, type ToWorker, type WorkerStart } from "./messages.ts";
import type { ExportedStrategy, OtherExport, ReadParams, Reply, ToldError } from "./realm.ts";
import type { StrategyBundle } from "./strategy-bundle.ts";

export interface IsolateOptions {
  readonly bundle: StrategyBundle;
  /** Time that the code reads while it is loaded, epoch milliseconds. */
  readonly loadedAt: number;
  readonly limits?: Partial<IsolateLimits>;
  /** For tests. */
  readonly worker?: URL | string;
}

/**
 * A strategy's bundle in a thread of its own. Whatever the code does wrong is an error of the call
 * it was asked by, and never more than that.
 */
export interface Isolate {
  readonly strategies: readonly ExportedStrategy[];
  /** What the bundle exports that is no strategy. */
  readonly others: readonly OtherExport[];
  /**
   * Parameters as the strategy's own schema reads them.
   * @throws `strategy_failed`
   */
  check(index: number, params: unknown): Promise<ReadParams>;
  /** Begins a turn: what the code may use is counted from here. */
  beginTurn(): void;
  /**
   * As a strategy's own `execute`. Once for one isolate.
   * @throws `strategy_failed`; whatever the code got from its context and let through
   */
  execute(index: number, input: object, ctx: StrategyContext): Promise<StrategyOutcome>;
  /** Whether the code can go no further until its context settles something. */
  readonly isAtRest: boolean;
  /** Resolves when it is. */
  atRest(): Promise<void>;
  close(): void;
}

const METHODS = [
  ...(["run", "wait", "waitAll", "race", "cancel", "key", "rand", "now"] as const),
  ...(["sleep", "readFile"] as const),
] satisfies readonly (keyof StrategyContext)[];

/** @throws `strategy_failed` when the code cannot be loaded: with what it threw, or the limit it met */
export async function openIsolate(options: IsolateOptions): Promise<Isolate> {
  const { bundle } = options;
  const limits = { ...ISOLATE_LIMITS, ...options.limits };
  const channel = new MessageChannel();
  const answered = new SharedArrayBuffer(4);
  const bell = new Int32Array(answered);
  const start = {
    ...{ bundle, limits, answered, methods: METHODS, loadedAt: options.loadedAt },
    replies: channel.port2,
  } satisfies WorkerStart;
  const worker = new Worker(options.worker ?? workerFile(), {
    name: "strategy",
    workerData: start,
    transferList: [channel.port2],
    env: {},
    argv: [],
    execArgv: [],
    stdin: false,
    // What it prints, if the interpreter itself does, is nobody's.
    stdout: true,
    stderr: true,
    trackUnmanagedFds: true,
    // The code's own values are in the interpreter's memory, which has its own limit.
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 8 },
  });
  worker.unref();
  channel.port1.unref();

  let over: PitayaError | undefined;
  /** Messages that the worker has not answered yet. */
  let outstanding = 0;
  let isLoading = true;
  let ctx: StrategyContext | undefined;
  const loaded = Promise.withResolvers<Extract<FromWorker, { type: "loaded" }>>();
  const end = Promise.withResolvers<StrategyOutcome>();
  end.promise.catch(() => undefined);
  const checks: PromiseWithResolvers<ReadParams>[] = [];
  const resting: (() => void)[] = [];
  const given: unknown[] = [];
  let promises = 0;
  let stopWatching: () => void = () => undefined;

  const fails = (what: string) =>
    new PitayaError("strategy_failed", `strategy ${bundle.file} ${what}`);

  function stop(error: PitayaError): void {
    if (over) return;
    over = error;
    loaded.reject(error);
    end.reject(error);
    for (const check of checks.splice(0)) check.reject(error);
    outstanding = 0;
    settled();
    channel.port1.close();
    void worker.terminate();
  }
  const close = () => stop(fails("is not needed any more"));
  function settled(): void {
    if (outstanding > 0) return;
    stopWatching();
    for (const wake of resting.splice(0)) wake();
  }

  function send(message: ToWorker): void {
    if (over) return;
    if (outstanding === 0) stopWatching = watch();
    outstanding += 1;
    worker.postMessage(message);
  }

  /** Ends what the interpreter's own limits cannot: it is in the midst of one long step. */
  function watch(): () => void {
    const before = cpuMs(worker);
    const look = async () => {
      const used = (await cpuMs(worker)) - (await before);
      if (used <= limits.turnCpuMs) return;
      stop(fails(`computes for more than ${limits.turnCpuMs / 1000} s without ever waiting`));
    };
    const timer = setInterval(() => void look(), Math.min(1_000, limits.turnCpuMs));
    timer.unref();
    return () => clearInterval(timer);
  }

  function told(error: unknown): ToldError {
    given.push(error);
    const id = given.length - 1;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof TaskFailed) {
      return { id, kind: "TaskFailed", given: asJson(error.failure), message };
    }
    if (error instanceof KeyConflict) return { id, kind: "KeyConflict", given: error.key, message };
    return { id, message };
  }

  function called(name: string, args: readonly unknown[]): Reply {
    try {
      const method = METHODS.find((known) => known === name);
      if (!ctx || !method) throw fails(`asks its context for ${name}`);
      const value = (ctx[method] as (...args: readonly unknown[]) => unknown)(...args);
      if (!(value instanceof Promise)) return { value: asJson(value) };
      promises += 1;
      const promise = promises;
      value.then(
        (result: unknown) => send({ type: "settle", promise, reply: { value: asJson(result) } }),
        (error: unknown) => send({ type: "settle", promise, reply: { error: told(error) } }),
      );
      return { promise };
    } catch (error) {
      return { error: told(error) };
    }
  }

  worker.on("message", (raw: unknown) => {
    if (over) return;
    const read = FromWorker.safeParse(raw);
    if (!read.success) return stop(fails("left its isolation"));
    const message = read.data;
    switch (message.type) {
      case "loaded":
        isLoading = false;
        outstanding -= 1;
        loaded.resolve(message);
        return settled();
      case "over":
        return stop(errorFromRecord(message.error));
      case "call":
        channel.port1.postMessage(called(message.name, message.args));
        Atomics.store(bell, 0, 1);
        Atomics.notify(bell, 0);
        return;
      case "log":
        return ctx?.log(message.line);
      case "ended":
        return end.resolve(message.outcome as never);
      case "threw":
        return end.reject(given[message.id] ?? fails("failed"));
      case "failed":
        return end.reject(errorFromRecord(message.error));
      case "done":
        if (message.read) checks.shift()?.resolve(message.read);
        outstanding -= 1;
        return settled();
    }
  });
  worker.on("error", (error: Error) => stop(fails(`broke its thread: ${error.message}`)));
  worker.on("exit", () => stop(fails("lost its thread")));

  outstanding = 1;
  stopWatching = watch();
  const { strategies, others } = await loaded.promise;
  if (isLoading) throw fails("is not loaded");

  return {
    strategies,
    others,
    check(index, params) {
      if (over) return Promise.reject(over);
      const check = Promise.withResolvers<ReadParams>();
      checks.push(check);
      send({ type: "turn" });
      send({ type: "check", index, params });
      return check.promise;
    },
    beginTurn: () => send({ type: "turn" }),
    execute(index, input, given) {
      if (over) return Promise.reject(over);
      ctx = given;
      ctx.signal.addEventListener("abort", close, { once: true });
      send({ type: "execute", index, given: asJson(input) });
      return end.promise;
    },
    get isAtRest() {
      return outstanding === 0;
    },
    async atRest() {
      await immediate();
      while (outstanding > 0) {
        await new Promise<void>((wake) => resting.push(wake));
        // What that settled here may have something to tell the code in turn.
        await immediate();
      }
    },
    close,
  };
}

/** Processor time that a worker has used; 0 once it is gone. */
async function cpuMs(worker: Worker): Promise<number> {
  try {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1_000;
  } catch {
    return 0;
  }
}

/** As the other side can have it: no functions, no prototypes, nothing shared. */
const asJson = (value: unknown) =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));

const afterMicrotasks = globalThis.setImmediate;
const immediate = () => new Promise<void>((done) => afterMicrotasks(done));

/** Beside this file, or, bundled, beside the other programs of the bundle. */
function workerFile(): string {
  const here = import.meta.dirname;
  const source = join(here, "worker.ts");
  if (existsSync(source)) return source;
  const bundle = basename(here) === "chunks" ? dirname(here) : here;
  return join(bundle, "isolate-worker.mjs");
}
