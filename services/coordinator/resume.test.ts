import { defineStrategy } from "@pitaya/strategies";
import type { RunView } from "@pitaya/views";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { failed, succeeded } from "./testing/fake-runner.ts";
import { promptOf, rows, taskWorld } from "./testing/task-world.ts";

const API_KEY = "ANTHROPIC_API_KEY";
const TOKEN = "CLAUDE_CODE_OAUTH_TOKEN";

const isWaiting = (view: RunView) =>
  [...view.instances.values()].some((row) => row.state === "waitingForCredentials");

describe("resume", () => {
  it("leaves what is done as it is, and makes one new attempt of what is not", async () => {
    const w = await taskWorld();
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
    const w = await taskWorld();
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

  it("leaves what stands around it as it is, done or not", async () => {
    const w = await taskWorld();
    const first = await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.interruptHalfway();
    await first.stop();
    await w.coordinator("coord-2", "changed", "b");
    await w.resume({ keyPolicy: "suffix" });
    for (const attempt of [await w.runner.take(), await w.runner.take()]) {
      await attempt.tell(succeeded());
    }
    const view = await w.until((v) => v.phase === "succeeded");
    expect(rows(view)).toEqual({
      t0: ["succeeded", 1],
      "t0/r1": ["succeeded", 1],
      t1: ["succeeded", 2],
    });
    expect(view.stale).toBe(0);
  });

  it("interrupts a run at work and fails nothing, so that it can go on either way", async () => {
    const w = await taskWorld();
    const first = await w.coordinator("coord-1", "a", "b");
    await w.submit();
    const attempts = [await w.runner.take(), await w.runner.take()];
    await first.stop();
    const second = await w.coordinator("coord-2", "a", "changed");
    await w.runner.nextCancel();
    for (const attempt of attempts) await attempt.tell(failed("cancelled", false));
    await w.until((v) => v.phase === "interrupted");
    await second.stop();
    await w.coordinator("coord-3", "a", "b");
    await w.resume();
    for (const attempt of [await w.runner.take(), await w.runner.take()]) {
      await attempt.tell(succeeded());
    }
    const view = await w.until((v) => v.phase === "succeeded");
    expect(rows(view)).toEqual({ t0: ["succeeded", 2], t1: ["succeeded", 2] });
  });
});

describe("an override", () => {
  it("holds for attempts from then on", async () => {
    const w = await taskWorld();
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
    const w = await taskWorld();
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
    const w = await taskWorld([API_KEY]);
    await w.coordinator("coord-1", "a", "b");
    await w.submit();
    await w.until(isWaiting);
    const override = { credentials: [TOKEN] };
    const secrets = await w.sealed("coord-1", { [TOKEN]: "canary" });
    expect(await w.resume({ override, secrets })).toBe("resumed");
    expect(await w.secretsOf(await w.runner.take())).toEqual({ [TOKEN]: "canary" });
    const another = { ...override, network: "offline" } as const;
    await expect(w.resume({ override: another, secrets })).rejects.toMatchObject({ code: "usage" });
    expect(await w.resume({ override, secrets })).toBe("running");
  });
});

it("an interrupted run keeps no code: it is begun anew, and replayed, when the run goes on", async () => {
  const w = await taskWorld();
  let begun = 0;
  const givenUp: Promise<void>[] = [];
  await w.coordinatorOf(
    "coord-1",
    defineStrategy({
      name: "pair",
      params: z.object({}),
      async execute(_, ctx) {
        begun += 1;
        givenUp.push(
          new Promise((done) => ctx.signal.addEventListener("abort", () => done(), { once: true })),
        );
        const tasks = ["a", "b"].map((prompt, n) => ctx.run({ prompt }, { key: `t${n}` }));
        await ctx.waitAll(tasks);
        return { status: "succeeded", tasks: tasks.map(({ key }) => key) };
      },
    }),
  );
  await w.submit();
  await w.interruptHalfway();
  await givenUp[0];
  expect(begun).toBe(1);
  await w.resume();
  await (await w.runner.take()).tell(succeeded());
  expect((await w.until((v) => v.phase === "succeeded")).phase).toBe("succeeded");
  // Once to see whether it still goes the recorded way, and once to go on.
  expect(begun).toBe(3);
});
