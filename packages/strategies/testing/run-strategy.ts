import type {
  HostedExecution,
  HostOptions,
  StartExecution,
  TaskResolution,
} from "../host/hosted-execution.ts";
import { startExecution } from "../host/start-execution.ts";
import { taskEnd } from "../host/task-ends.ts";
import { parseParams } from "../parse-params.ts";
import { taskPlanner } from "../planning/task-planner.ts";
import type { Strategy, StrategyOutcome, Task, TaskEnd } from "../sdk.ts";
import { checkTest } from "./checked-test.ts";
import { eventQueue } from "./event-queue.ts";
import { BASE_BRANCH, STARTED_AT_MS, sampleSpec } from "./sample-spec.ts";
import type { Script } from "./script.ts";
import { CANCELLED, testWorld } from "./test-world.ts";

export interface TestRun {
  readonly script: Script;
  /** As a user gives them: checked and completed by the strategy's schema. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** "do it" */
  readonly prompt?: string;
  /** Files of the base branch, which is called main. */
  readonly repository?: Readonly<Record<string, string>>;
  /** Other branches of the repository, with their files. */
  readonly branches?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What parameters made by `textFileParam` and `taskFileParam` name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Other plugins of the run. All of them can do everything. */
  readonly plugins?: readonly string[];
  /**
   * after-every-step: the code is thrown away after each delivery and replayed from what is recorded,
   * as after a crash of the coordinator. A test should come out the same.
   */
  readonly crash?: "never" | "after-every-step";
  /** Which strategy execution of the run it is: seeds `rand`. 1 */
  readonly execution?: number;
  /** What runs the code; the native host. */
  readonly start?: StartExecution;
}

/** A task that was asked for. */
export interface TestedTask {
  readonly key: string;
  readonly task: Task;
  readonly branch?: string;
  /** Absent while it had not ended when the strategy had. */
  readonly end?: TaskEnd;
}

export interface TestedRun {
  readonly outcome: StrategyOutcome;
  /** What made it fail, where something was thrown. */
  readonly error?: { readonly code: string; readonly message: string };
  /** In the order in which they were asked for, files that were read left out. */
  readonly tasks: readonly TestedTask[];
  /** @throws where there is none by that key, naming those there are */
  task(key: string): TestedTask;
  /** Names of the context's calls, in their order. */
  readonly calls: readonly string[];
  readonly log: readonly string[];
  /** On the test's own clock. */
  readonly elapsedMs: number;
}

/** What the code was told, in order. */
type Told =
  | { readonly key: string; readonly resolution: TaskResolution; readonly atMs: number }
  | { readonly index: number; readonly atMs: number };

type Coming =
  | { readonly key: string; readonly resolution: () => TaskResolution }
  | { readonly index: number };

/**
 * Runs a strategy without bus, containers or agents, in milliseconds: the real host under a clock of
 * the test's own, with every task answered by the script.
 *
 * It runs here, and not alone with its context as in a run: Node's own objects are there.
 *
 * @throws where the strategy waits for what never ends, and where the test says what is not understood
 */
export async function runStrategy(strategy: Strategy, run: TestRun): Promise<TestedRun> {
  checkTest(run);
  const { prompt = "do it", repository = {}, branches = {}, files = {}, plugins = [] } = run;
  const { start = startExecution, crash = "never", execution = 1 } = run;
  const params = parseParams(strategy, run.params ?? {}, "params");
  const spec = sampleSpec({
    ...{ strategy: strategy.name, prompt, repository, branches, files, plugins },
  });
  const world = testWorld({ ...branches, [BASE_BRANCH]: repository }, run.script);
  const queue = eventQueue<Coming>(STARTED_AT_MS);
  const told: Told[] = [];
  const begun = new Set<string>();
  const cancelled = new Set<string>();
  let sleepsSeen = 0;
  let log: string[] = [];

  const begin = (recorded: HostOptions["recorded"]) => {
    log = [];
    return start(strategy, {
      ...{ params, prompt, baseBranch: BASE_BRANCH, files, recorded },
      baseCommit: spec.base.commit,
      seed: `${spec.run}/s${execution}`,
      startedAtMs: STARTED_AT_MS,
      planner: taskPlanner(spec, params),
      log: (line) => log.push(line),
    });
  };
  const tell = (code: HostedExecution, each: Told) =>
    "key" in each
      ? code.deliver(each.key, each.resolution, each.atMs)
      : code.wake(each.index, each.atMs);

  /** Takes up what the code has asked for since. */
  function look(code: HostedExecution): void {
    for (const task of code.tasks) {
      if (begun.has(task.key)) continue;
      begun.add(task.key);
      const end = world.begin(task);
      if (end) queue.add({ key: task.key, resolution: end.resolution }, end.afterMs);
    }
    for (const key of code.cancelled) {
      if (cancelled.has(key)) continue;
      cancelled.add(key);
      queue.drop((event) => "key" in event && event.key === key);
      if (told.some((each) => "key" in each && each.key === key)) continue;
      queue.add({ key, resolution: () => CANCELLED }, 0);
    }
    for (const { index, delayMs } of code.sleeps.slice(sleepsSeen)) queue.add({ index }, delayMs);
    sleepsSeen = code.sleeps.length;
  }

  let code = await begin([]);
  while (!code.ended) {
    look(code);
    const event = queue.next();
    if (event === undefined) throw new Error(`strategy ${strategy.name} waits for what never ends`);
    const atMs = queue.nowMs;
    const now: Told =
      "key" in event
        ? { key: event.key, resolution: event.resolution(), atMs }
        : { ...event, atMs };
    told.push(now);
    await tell(code, now);
    if (crash === "never") continue;
    const { calls } = code;
    code.close();
    code = await begin(calls);
    for (const each of told) await tell(code, each);
  }

  const { outcome, error } = code.ended;
  const ends = new Map(
    told.flatMap((each) =>
      "key" in each ? [[each.key, taskEnd(each.key, each.resolution)] as const] : [],
    ),
  );
  const tasks = code.tasks.flatMap(({ key, planned }): TestedTask[] => {
    if ("read" in planned.asked) return [];
    const branch = world.branchOf.get(key);
    const end = ends.get(key);
    return [{ key, task: planned.asked, ...(branch && { branch }), ...(end && { end }) }];
  });
  return {
    outcome,
    ...(error && { error: { code: error.code, message: error.message } }),
    tasks,
    task(key) {
      const found = tasks.find((each) => each.key === key);
      if (found) return found;
      throw new Error(`no task ${key}; there are ${tasks.map((each) => each.key).join(", ")}`);
    },
    calls: code.calls.map(({ name }) => name),
    log,
    elapsedMs: queue.nowMs - STARTED_AT_MS,
  };
}
