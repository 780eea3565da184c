import variant from "@jitl/quickjs-singlefile-mjs-release-sync";
import { type ErrorRecord, errorRecord, PitayaError } from "@pitaya/protocol";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";
import { z } from "zod";
import type { IsolateLimits } from "./limits.ts";
import { PRELUDE } from "./prelude.ts";
import { SCRIPT, sourcePlace } from "./source-place.ts";
import type { StrategyBundle } from "./strategy-bundle.ts";

/** A strategy that a bundle exports. */
export const ExportedStrategy = z.object({
  /** `default`, or the name it is exported by. */
  name: z.string().max(200),
  /** The name that the same strategy is exported by as well, and listed before. */
  aliasOf: z.string().max(200).optional(),
  strategy: z.string().max(200),
  /** Plugins that its tasks name beside the run's. */
  plugins: z.array(z.string().max(64)).max(64),
  /** Names of its parameters. */
  known: z.array(z.string()),
  /** Its parameters as JSON Schema, where they can be told so. */
  schema: z.record(z.string(), z.json()).optional(),
});
export type ExportedStrategy = z.infer<typeof ExportedStrategy>;

/** An export that is no strategy, and where it could have been meant as one, what it lacks. */
export const OtherExport = z.object({ name: z.string().max(200), lacks: z.string().optional() });
export type OtherExport = z.infer<typeof OtherExport>;

const Loaded = z.object({ listed: z.array(ExportedStrategy), others: z.array(OtherExport) });

// Node has it, and the types of Node do not.
type WasmMemory = ReturnType<QuickJSWASMModule["getWasmMemory"]>;
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => WasmMemory };
  }
).WebAssembly;
const PAGE_BYTES = 64 * 1024;
/** What the build asks for at its start. */
const INITIAL_PAGES = 256;
/** Share of its memory with which the interpreter has all that it can get. */
const FULL = 0.9;

/** What code threw: an error it was given, by its number, or one of its own. */
const Thrown = z.union([
  z.object({ id: z.int().nonnegative() }),
  z.object({
    name: z.string().default("Error"),
    message: z.string(),
    stack: z.string().default(""),
  }),
]);
type Thrown = z.infer<typeof Thrown>;

/** Something that a schema finds wrong with a value. */
const Issue = z.object({
  message: z.string(),
  path: z.array(z.union([z.string(), z.number()])),
  code: z.string().optional(),
});
export type Issue = z.infer<typeof Issue>;

/** Parameters as the strategy's own schema reads them. */
export const ReadParams = z.object({
  issues: z.array(Issue),
  /** With defaults; as much of it as JSON can hold. */
  values: z.record(z.string(), z.json()).default({}),
});
export type ReadParams = z.infer<typeof ReadParams>;

const FromRealm = z.union([
  z.strictObject({ call: z.string(), args: z.array(z.json()) }),
  z.strictObject({ log: z.string() }),
  z.strictObject({ failed: Thrown }),
  z.strictObject({ outcome: z.json().optional() }),
]);

/** An error as the code meets it: one of the SDK's own, or a plain one. The number brings it back. */
export const ToldError = z.object({
  id: z.int().nonnegative(),
  kind: z.enum(["TaskFailed", "KeyConflict"]).optional(),
  /** What the SDK's error is made of. */
  given: z.json().optional(),
  message: z.string(),
});
export type ToldError = z.infer<typeof ToldError>;

/** What a call of the context gives: a value, the number of a promise that is settled later, or an error. */
export type Reply =
  | { readonly value?: unknown }
  | { readonly promise: number }
  | { readonly error: ToldError };

/** How the code ended: an error it was given is told by its number. */
export type RealmEnd =
  | { readonly outcome?: unknown }
  | { readonly thrown: number }
  | { readonly error: ErrorRecord };

/** The world, as the realm reaches it: one way, and at once. */
export interface RealmHost {
  call(name: string, args: readonly unknown[]): Reply;
  log(line: string): void;
  end(end: RealmEnd): void;
}

export interface RealmOptions {
  readonly bundle: StrategyBundle;
  readonly limits: IsolateLimits;
  /** Names of what the context offers. */
  readonly methods: readonly string[];
  /** Time that the code reads while it is loaded, epoch milliseconds. */
  readonly loadedAt: number;
  readonly host: RealmHost;
}

/**
 * A bundle, loaded into an interpreter of its own. Whatever enters the code throws
 * `strategy_failed` once the code has used more than it may; it never runs again after that.
 */
export interface Realm {
  readonly strategies: readonly ExportedStrategy[];
  /** What the bundle exports that is no strategy. */
  readonly others: readonly OtherExport[];
  check(index: number, params: unknown): ReadParams;
  /** The turn that is next begins: what it may use is counted from here. */
  beginTurn(): void;
  /** Begins a strategy, and runs it until it can go no further. */
  execute(index: number, given: unknown): void;
  /** Settles what a call promised, and runs on until the code can go no further. */
  settle(promise: number, reply: Exclude<Reply, { promise: number }>): void;
}

/**
 * The interpreter is a new one, with memory of its own, that nothing else ever runs in: what code
 * does to it ends with it.
 *
 * @throws `strategy_failed` when the code cannot be loaded: with what it threw, or the limit it met
 */
export async function openRealm(options: RealmOptions): Promise<Realm> {
  const { bundle, limits, host } = options;
  // The interpreter's own limit counts allocations and not their sizes: this build of it cannot ask
  // for those. The memory it is given ends where it may not go on.
  const maximum = Math.ceil(limits.memoryBytes / PAGE_BYTES);
  const wasmMemory = new Memory({ initial: INITIAL_PAGES, maximum });
  const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmMemory }));
  const runtime = quickjs.newRuntime();
  runtime.setMaxStackSize(limits.stackBytes);
  const vm = runtime.newContext();

  const atOnce = `${limits.messageCharacters / 1024 ** 2} MiB`;

  /** Why the code never runs again. */
  let over: PitayaError | undefined;
  let ticks = 0;
  let jobs = 0;
  let calls = 0;
  let lines = 0;

  function stop(error: PitayaError): PitayaError {
    over ??= error;
    return over;
  }
  runtime.setInterruptHandler(() => {
    ticks += 1;
    if (ticks > limits.turnTicks) stop(runsOn(`${millions(limits.turnTicks)} million loops`));
    return over !== undefined;
  });

  const fails = (what: string, hint?: string) =>
    new PitayaError("strategy_failed", `strategy ${bundle.file} ${what}`, hint ? { hint } : {});
  const runsOn = (most: string) =>
    fails(
      `runs on without ever waiting: more than ${most}`,
      "A strategy decides what is to be done and waits for it: look for a loop that does not end, and leave heavy computing to a task.",
    );

  /** One entry of the code, and all of what follows from it. */
  function enter<T>(work: () => T): T {
    if (over) throw over;
    try {
      const value = work();
      for (;;) {
        const done = runtime.executePendingJobs(1_000);
        if (over) throw over;
        if (done.error) throw vmError(done.error);
        jobs += done.value;
        if (done.value === 0) return value;
        if (jobs > limits.turnJobs) throw stop(runsOn(`${limits.turnJobs} promises`));
      }
    } catch (error) {
      if (over) throw over;
      if (error instanceof PitayaError) throw error;
      // Not the code's own exception: the interpreter itself has failed, and is in no known state.
      const what = error instanceof Error ? error.message : String(error);
      throw stop(fails(`broke its interpreter: ${what}`));
    }
  }

  const unwrap = (result: ReturnType<QuickJSContext["evalCode"]>): QuickJSHandle => {
    if (over) throw over;
    if (result.error) throw vmError(result.error);
    return result.value;
  };
  /** What code threw where nothing of ours was there to tell it. */
  const vmError = (error: QuickJSHandle): PitayaError => {
    const thrown: unknown = vm.dump(error);
    const parsed = Thrown.safeParse(thrown);
    return errorOf(parsed.success ? parsed.data : { name: "", message: textOf(thrown), stack: "" });
  };
  /** Anything can be thrown. */
  const textOf = (thrown: unknown): string =>
    typeof thrown === "object" && thrown !== null
      ? JSON.stringify(thrown).slice(0, 500)
      : String(thrown);

  function errorOf(thrown: Thrown): PitayaError {
    if ("id" in thrown) return fails("failed");
    const { name, message, stack } = thrown;
    if (isOutOfMemory(name, message)) {
      return fails(`needs more memory than the ${limits.memoryBytes / 1024 ** 2} MiB it may have`);
    }
    if (message === "stack overflow") {
      return fails(`calls itself without end${at(stack)}`);
    }
    const missing = /^'?(\w+)'? is not defined$/.exec(message)?.[1] ?? "";
    const absent = /could not load module/.test(message) ? NOT_HERE["require"] : NOT_HERE[missing];
    const what = [name, message].filter((part) => part !== "").join(": ");
    return fails(
      `threw ${what}${at(stack)}`,
      absent && `${absent}. What it needs comes through its context.`,
    );
  }
  /** Where there is no memory left for an error either, the interpreter throws null. */
  const isOutOfMemory = (name: string, message: string) =>
    (name === "InternalError" && message === "out of memory") ||
    (name === "" &&
      message === "null" &&
      wasmMemory.buffer.byteLength >= FULL * limits.memoryBytes);
  const at = (stack: string) => {
    const place = sourcePlace(bundle, stack);
    return place === undefined ? "" : ` (${place})`;
  };

  function bounded(value: unknown): string {
    const text = JSON.stringify(value);
    if (text.length <= limits.replyCharacters) return text;
    const most = limits.replyCharacters / 1024 ** 2;
    throw stop(fails(`was to be told more than the ${most} MiB it can be told at once`));
  }

  /** What the realm asks for. Never throws into the interpreter. */
  function asked(json: string): string {
    if (over) return "{}";
    try {
      if (json.length > limits.messageCharacters) {
        throw stop(fails(`says more than the ${atOnce} it can say at once`));
      }
      const read = FromRealm.safeParse(JSON.parse(json));
      // Its own doing: it has changed what all objects have in common.
      if (!read.success) throw stop(fails("speaks to its context in no way that is understood"));
      const message = read.data;
      if ("log" in message) log(message.log);
      else if ("failed" in message) host.end(endOf(message.failed));
      else if ("call" in message) return bounded(called(message.call, message.args));
      else host.end(message);
    } catch (error) {
      stop(error instanceof PitayaError ? error : fails("broke its context"));
    }
    return "{}";
  }

  function called(name: string, args: readonly unknown[]): Reply {
    calls += 1;
    if (calls > limits.turnCalls) throw stop(runsOn(`${limits.turnCalls} calls of its context`));
    if (!options.methods.includes(name)) throw fails(`asks its context for ${name}`);
    return host.call(name, args);
  }

  function log(line: string): void {
    lines += 1;
    if (lines < limits.logLines) host.log(line.slice(0, limits.logLineCharacters));
    if (lines === limits.logLines) host.log("further lines are left out");
  }

  const endOf = (thrown: Thrown): RealmEnd =>
    "id" in thrown ? { thrown: thrown.id } : { error: errorRecord(errorOf(thrown)) };

  const fn = (name: string) => vm.getProp(prelude, name);
  function callIn(name: string, ...args: readonly (string | number)[]): string {
    return enter(() => {
      const handles = args.map((arg) =>
        typeof arg === "string" ? vm.newString(arg) : vm.newNumber(arg),
      );
      const called = fn(name);
      const value = unwrap(vm.callFunction(called, vm.undefined, ...handles));
      const text = vm.typeof(value) === "string" ? vm.getString(value) : "";
      // Not where it throws: the code is over then, and its memory goes as a whole.
      for (const handle of [...handles, called, value]) handle.dispose();
      return text;
    });
  }

  const hostFunction = vm.newFunction("host", (json) => vm.newString(asked(vm.getString(json))));
  const prelude = enter(() => {
    const make = unwrap(vm.evalCode(PRELUDE, "pitaya-prelude.js"));
    const methods = unwrap(vm.evalCode(`(${JSON.stringify(options.methods)})`));
    const loadedAt = vm.newNumber(options.loadedAt);
    return unwrap(vm.callFunction(make, vm.undefined, hostFunction, loadedAt, methods));
  });
  const loaded = enter(() => {
    const exported = unwrap(vm.evalCode(`${bundle.code}\n;pitayaBundle`, SCRIPT));
    const listed = unwrap(vm.callFunction(fn("load"), vm.undefined, exported));
    return Loaded.safeParse(JSON.parse(vm.getString(listed)));
  });
  if (!loaded.success) throw fails("exports something that is no strategy");

  return {
    strategies: loaded.data.listed,
    others: loaded.data.others,
    check(index, params) {
      return ReadParams.parse(JSON.parse(callIn("check", index, JSON.stringify(params))));
    },
    beginTurn() {
      ticks = 0;
      jobs = 0;
      calls = 0;
    },
    execute(index, given) {
      callIn("execute", index, JSON.stringify(given));
    },
    settle(promise, reply) {
      callIn("settle", promise, bounded(reply));
    },
  };
}

/** What programs find elsewhere, and why a strategy does not. */
const NOT_HERE: Readonly<Record<string, string>> = {
  process: "A strategy has no environment and no process",
  require: "A strategy loads nothing while it runs",
  fetch: "A strategy has no network",
  XMLHttpRequest: "A strategy has no network",
  WebSocket: "A strategy has no network",
  Buffer: "A strategy has what the language has, and not Node's own objects",
  setTimeout: "A strategy has no timers but ctx.sleep",
  setInterval: "A strategy has no timers but ctx.sleep",
  setImmediate: "A strategy has no timers but ctx.sleep",
  crypto: "A strategy has no randomness but ctx.rand",
  performance: "A strategy has no clock but ctx.now",
};

const LOOPS_PER_TICK = 10_000;
const millions = (ticks: number) => (ticks * LOOPS_PER_TICK) / 1_000_000;
