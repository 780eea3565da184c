import { manualClock } from "@pitaya/actors";
import { ask, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import { type ApiRequest, type RunSpec, runEvents, subjects } from "@pitaya/protocol";
import { defineStrategy, type Strategy } from "@pitaya/strategies";
import { type RunView, runLog, runView } from "@pitaya/views";
import pino from "pino";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { builtInStrategies } from "../adapters/built-in-strategies.ts";
import { start } from "../start.ts";
import { type FakeAttempt, failed, fakeRunner, succeeded } from "./fake-runner.ts";
import { sampleRun } from "./sample-run.ts";

export const CLAIM_TIMEOUT_MS = 20_000;
export const CREDENTIALS_WAIT_MS = 600_000;

/** A task for each prompt, all at once: t0, t1, … */
const tasks = (...prompts: readonly string[]) =>
  defineStrategy({
    name: "pair",
    params: z.object({}),
    async execute(_, ctx) {
      const handles = prompts.map((prompt, n) => ctx.run({ prompt }, { key: `t${n}` }));
      await Promise.all(handles.map(ctx.wait));
      return { status: "succeeded", tasks: handles.map(({ key }) => key) };
    },
  });

export const promptOf = ({ start: { task } }: FakeAttempt) =>
  "inline" in task.prompt ? task.prompt.inline : "";

/** A run of a task for each prompt, on one runner, and whatever coordinator the test starts. */
export async function taskWorld(credentials: readonly string[] = []) {
  const clock = manualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const broker = memoryBroker({ clock: { now: clock.now, after: clock.setTimer } });
  const client = broker.connect("cli");
  const runner = await fakeRunner(broker.connect("runner-1"), "runner-1");
  const blob = await client.blobs.put(async function* () {
    yield new Uint8Array([1]);
  });
  const agent = { ...sampleRun().agent, credentials };
  const plain = sampleRun({ strategy: { name: "pair", params: {} }, agent });
  const bundles = plain.base.bundles.map((bundle) => ({ ...bundle, blob }));
  const spec: RunSpec = { ...plain, base: { ...plain.base, bundles } };
  const { run } = spec;
  const verb = (name: string) => subjects.apiRun.of({ run, verb: name });

  async function coordinator(id: string, strategy: Strategy) {
    const coordinator = start({
      ...{ bus: broker.connect(id), id, version: "0.0.0", clock, takeOver: true },
      log: pino({ level: process.env.LOG ?? "silent" }),
      strategies: builtInStrategies(() => undefined, [strategy]),
      check: () => undefined,
      claimTimeoutMs: CLAIM_TIMEOUT_MS,
      credentialsWaitMs: CREDENTIALS_WAIT_MS,
    });
    onTestFinished(() => coordinator.stop());
    await coordinator.deciding;
    return coordinator;
  }

  return {
    ...{ clock, spec, runner },
    coordinator: (id: string, ...prompts: readonly string[]) => coordinator(id, tasks(...prompts)),
    /** The strategy's name must be `pair`. */
    coordinatorOf: coordinator,
    submit(changes: Partial<Pick<RunSpec, "maxParallel" | "executions">> = {}) {
      const request = { v: 1 as const, spec: { ...spec, ...changes }, secrets: [] };
      return ask(client, "submit", subjects.api.of({ verb: "submit" }), request, 5_000);
    },
    async resume(fields: Partial<ApiRequest<"resume">> = {}) {
      const request: ApiRequest<"resume"> = {
        ...{ v: 1 as const, by: "ada", fresh: false, secrets: [] },
        ...fields,
      };
      return (await ask(client, "resume", verb("resume"), request, 5_000)).value.status;
    },
    /** Both attempts claimed; `a` done, `b` stopped half-way. */
    async interruptHalfway() {
      const attempts = [await runner.take(), await runner.take()];
      await attempts.find((attempt) => promptOf(attempt) === "a")?.tell(succeeded());
      const request = { v: 1, mode: "interrupt", by: "ada", reason: "asked" } as const;
      await ask(client, "stop", verb("stop"), request, 5_000);
      await runner.nextCancel();
      const open = attempts.find((attempt) => promptOf(attempt) === "b");
      await open?.tell(failed("cancelled", false));
      await this.until((view) => view.phase === "interrupted");
    },
    async until(condition: (view: RunView) => boolean): Promise<RunView> {
      const log = runLog();
      const fold = runView();
      const ending = new AbortController();
      for await (const item of client.events.follow(runEvents(run), { signal: ending.signal })) {
        if ("caughtUp" in item) continue;
        for (const event of log.admit(item)) fold.apply(event);
        if (condition(fold.view)) break;
      }
      ending.abort();
      return fold.view;
    },
    async sealed(coordinator: string, values: Record<string, string>) {
      const subject = subjects.apiKeys.of({ coordinator });
      const { value } = await ask(client, "keys", subject, { v: 1 }, 5_000);
      return [sealer().seal(value.curveKey, { v: 1, run, values })];
    },
    async secretsOf({ start: { run: of, instance, attempt } }: FakeAttempt) {
      const request = { v: 1, run: of, instance, attempt, runner: runner.id } as const;
      const subject = subjects.api.of({ verb: "runner-secret" });
      const { value } = await ask(client, "runner-secret", subject, request, 5_000);
      return runner.curve.open(value.secrets, run).values;
    },
  };
}

/** Of each key how it stands, and its attempts. */
export const rows = (view: RunView) =>
  Object.fromEntries(
    [...view.instances.values()].map((row) => [row.key, [row.state, row.attempts.length]]),
  );
