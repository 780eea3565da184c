import { manualClock } from "@pitaya/actors";
import { ask, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import { type ApiRequest, type RunSpec, runEvents, subjects } from "@pitaya/protocol";
import { defineStrategy } from "@pitaya/strategies";
import { type RunView, runLog, runView } from "@pitaya/views";
import pino from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { builtInStrategies } from "./adapters/built-in-strategies.ts";
import { start } from "./start.ts";
import { type FakeAttempt, failed, fakeRunner, succeeded } from "./testing/fake-runner.ts";
import { sampleRun } from "./testing/sample-run.ts";

const API_KEY = "ANTHROPIC_API_KEY";
const TOKEN = "CLAUDE_CODE_OAUTH_TOKEN";

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

const promptOf = ({ start: { task } }: FakeAttempt) =>
  "inline" in task.prompt ? task.prompt.inline : "";

/** A run of two tasks, `a` and `b`, on one runner, and whatever coordinator the test starts. */
async function world(credentials: readonly string[] = []) {
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

  return {
    ...{ spec, runner },
    async coordinator(id: string, ...prompts: readonly string[]) {
      const coordinator = start({
        ...{ bus: broker.connect(id), id, version: "0.0.0", clock, takeOver: true },
        log: pino({ level: process.env.LOG ?? "silent" }),
        strategies: builtInStrategies(() => undefined, [tasks(...prompts)]),
        check: () => undefined,
      });
      onTestFinished(() => coordinator.stop());
      await coordinator.deciding;
      return coordinator;
    },
    submit: () =>
      ask(
        client,
        "submit",
        subjects.api.of({ verb: "submit" }),
        { v: 1, spec, secrets: [] },
        5_000,
      ),
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
const rows = (view: RunView) =>
  Object.fromEntries(
    [...view.instances.values()].map((row) => [row.key, [row.state, row.attempts.length]]),
  );
const isWaiting = (view: RunView) =>
  [...view.instances.values()].some((row) => row.state === "waitingForCredentials");

describe("resume", () => {
  it("leaves what is done as it is, and makes one new attempt of what is not", async () => {
    const w = await world();
    await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.interruptHalfway();
    expect(await w.resume()).toBe("resumed");
    const again = await w.runner.take();
    expect(promptOf(again)).toBe("b");
    expect(await w.resume()).toBe("running");
    await again.tell(succeeded());
    const view = await w.until((v) => v.phase === "succeeded");
    expect(rows(view)).toEqual({ t0: ["succeeded", 1], t1: ["succeeded", 2] });
  });
});

describe("a task that is no longer the one the run began with", () => {
  it("is an error that leaves the run as it is; under policy suffix it alone runs anew", async () => {
    const w = await world();
    const first = await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.interruptHalfway();
    await first.stop();

    const second = await w.coordinator("coord-2", "a", "changed");
    await expect(w.resume()).rejects.toMatchObject({ code: "key_conflict" });
    expect(await w.resume({ keyPolicy: "suffix" })).toBe("resumed");
    const again = await w.runner.take();
    expect(promptOf(again)).toBe("changed");

    await second.stop();
    await w.coordinator("coord-3", "a", "changed");
    await again.tell(succeeded());
    const view = await w.until((v) => v.phase === "succeeded");
    expect(rows(view)).toEqual({
      t0: ["succeeded", 1],
      t1: ["cancelled", 1],
      "t1/r1": ["succeeded", 1],
    });
  });
});

describe("an override", () => {
  it("holds for attempts from then on", async () => {
    const w = await world();
    await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.interruptHalfway();
    const override = {
      limits: { timeoutMs: 5_000 },
      network: "offline",
      baseUrl: "http://elsewhere.example/",
    } as const;
    await w.resume({ override });
    const { task } = (await w.runner.take()).start;
    expect(task.limits).toEqual({ ...w.spec.limits, timeoutMs: 5_000 });
    expect(task).toMatchObject({ network: "offline", agent: { baseUrl: override.baseUrl } });
  });

  it("that names another credential needs it", async () => {
    const w = await world();
    await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.interruptHalfway();
    const override = { credentials: [TOKEN] };
    await expect(w.resume({ override })).rejects.toMatchObject({ code: "credentials_missing" });
    const secrets = await w.sealed("coord-1", { [TOKEN]: "canary" });
    expect(await w.resume({ override, secrets })).toBe("resumed");
    expect(await w.secretsOf(await w.runner.take())).toEqual({ [TOKEN]: "canary" });
  });

  it("is taken while the run only waits, and refused while it is at work", async () => {
    const w = await world([API_KEY]);
    await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.until(isWaiting);
    const override = { credentials: [TOKEN] };
    const secrets = await w.sealed("coord-1", { [TOKEN]: "canary" });
    expect(await w.resume({ override, secrets })).toBe("resumed");
    expect(await w.secretsOf(await w.runner.take())).toEqual({ [TOKEN]: "canary" });
    await expect(w.resume({ override, secrets })).rejects.toMatchObject({ code: "usage" });
  });
});
