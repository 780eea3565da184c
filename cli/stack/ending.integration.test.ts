import { existsSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { stackDown } from "./stack-commands.ts";
import {
  eventually,
  isGone,
  kill,
  nothingLeft,
  type StandInStack,
  standInStack,
} from "./stand-in/stand-in-stack.ts";

let stack: StandInStack;
afterEach(() => stack.remove());

const live = "run_20260101_000000_aaaaaaaa";
const another = "run_20260101_000000_bbbbbbbb";
/** Long enough that only the idle timer of a test that wants it can end a stack. */
const NEVER_MS = "600000";

describe("an idle stack", () => {
  it("ends by itself, and leaves nothing", async () => {
    stack = standInStack({ PITAYA_IDLE_MS: "20" });
    const connection = await stack.connect();
    const supervisor = stack.supervisor();
    connection.close();
    await isGone(supervisor);
    expect(stack.calls().at(-1)).toBe("stop end");
    await nothingLeft(stack);
  });

  it("stays while someone is connected, and while a run is live", async () => {
    stack = standInStack({ PITAYA_IDLE_MS: "20" });
    const connection = await stack.connect();
    await connection.release();
    const supervisor = stack.supervisor();
    stack.set({ liveRuns: [live] });
    await eventually(async () => (await connection.status()).liveRuns).toBe(1);
    connection.close();
    // Whoever only asks keeps nothing up, but sees it.
    for (let i = 0; i < 20; i++) expect(await stack.status()).toMatchObject({ state: "running" });
    stack.set({ liveRuns: [] });
    await isGone(supervisor);
    expect(stack.calls().filter((call) => call.startsWith("interrupt"))).toEqual([]);
  });

  it("that is closing gives way to the next one for a command that comes then", async () => {
    stack = standInStack({ PITAYA_IDLE_MS: "20" });
    const connection = await stack.connect();
    const supervisor = stack.supervisor();
    stack.set({ gate: "stop" });
    connection.close();
    await eventually(() => stack.calls().at(-1)).toBe("stop end");
    // It listens no more, but has its lock, its server and its services still.
    const coming = stack.connect({ env: { ...stack.env, PITAYA_IDLE_MS: NEVER_MS } });
    await eventually(() => stack.log()).toContain("waiting for the last stack");
    expect(stack.calls().filter((call) => call.startsWith("start"))).toHaveLength(1);
    expect(stack.servers()).toHaveLength(1);
    stack.set({});
    const next = await coming;
    const { pid } = await next.status();
    expect(pid).not.toBe(supervisor.pid);
    await isGone(supervisor);
    expect(stack.servers()).toHaveLength(1);
    next.close();
  });

  it("loses no command of those that come while stacks end all the time", async () => {
    stack = standInStack({ PITAYA_IDLE_MS: "1" });
    const closings = () => stack.log().split('"msg":"closing"').length - 1;
    for (let round = 1; round <= 10; round++) {
      const connection = await stack.connect();
      expect(await connection.status()).toMatchObject({ phase: "ready" });
      connection.close();
      await eventually(closings).toBe(round);
    }
    expect(stack.calls().filter((call) => call.startsWith("start"))).toHaveLength(10);
  });
});

describe("down", () => {
  it("ends the stack at once, and returns when it is gone", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    const [supervisor, server] = [stack.supervisor(), stack.server()];
    expect(await stack.down()).toEqual({ state: "stopped", interrupted: [] });
    expect(await connection.ended).toEqual({ reason: "down", interrupted: [] });
    await isGone(supervisor);
    await isGone(server);
    await nothingLeft(stack);
  });

  it("interrupts what is live first, and says what it was, to everyone connected", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    stack.set({ liveRuns: [live, another] });
    await eventually(async () => (await connection.status()).liveRuns).toBe(2);
    const interrupted = [live, another];
    expect(await stack.down()).toEqual({ state: "stopped", interrupted });
    expect(await connection.ended).toEqual({ reason: "down", interrupted });
    expect(stack.calls().slice(-2)).toEqual([
      `interrupt ${live} ${another} the stack was stopped`,
      "stop end",
    ]);
    await nothingLeft(stack);
  });

  it("--when-idle waits for live runs and for submits that are under way", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    stack.set({ liveRuns: [live] });
    await eventually(async () => (await connection.status()).liveRuns).toBe(1);
    const steps: string[] = [];
    const onProgress = (step: string) => steps.push(step);
    const down = stackDown({ ...stack.options({ onProgress }), whenIdle: true });
    await eventually(() => steps).toContain("waiting (live runs: 1, submits: 1)");
    stack.set({ liveRuns: [] });
    await eventually(async () => (await connection.status()).liveRuns).toBe(0);
    await connection.release().catch(() => {});
    expect(await down).toEqual({ state: "stopped", interrupted: [] });
    expect(await connection.ended).toMatchObject({ reason: "down" });
    expect(stack.calls().filter((call) => call.startsWith("interrupt"))).toEqual([]);
    await nothingLeft(stack);
  });

  it("during the start leaves a command that waits for it to start the next", async () => {
    stack = standInStack();
    stack.set({ gate: "start" });
    const coming = stack.connect();
    await eventually(() => stack.calls()).toHaveLength(1);
    const supervisor = stack.supervisor();
    const down = stack.down();
    await eventually(() => stack.log()).toContain('"msg":"closing"');
    stack.set({});
    expect(await down).toEqual({ state: "stopped", interrupted: [] });
    const connection = await coming;
    expect((await connection.status()).pid).not.toBe(supervisor.pid);
    connection.close();
  });

  it("says when there is nothing to end", async () => {
    stack = standInStack();
    expect(await stack.down()).toEqual({ state: "not-running", interrupted: [] });
    expect(await stack.status()).toMatchObject({ state: "stopped" });
    await nothingLeft(stack);
  });

  it("ends in order what a killed supervisor left", async () => {
    stack = standInStack();
    (await stack.connect()).close();
    const [supervisor, server] = [stack.supervisor(), stack.server()];
    stack.set({ liveRuns: [live] });
    kill(supervisor);
    await isGone(supervisor);
    expect(stack.servers()).toEqual([server]);
    expect(await stack.down()).toEqual({ state: "stopped", interrupted: [live] });
    await nothingLeft(stack);
  });

  it("ends one that hangs", async () => {
    stack = standInStack();
    (await stack.connect()).close();
    const [supervisor, server] = [stack.supervisor(), stack.server()];
    kill(supervisor, "SIGSTOP");
    const patienceMs = 1_500;
    await expect(stack.connect({ patienceMs })).rejects.toMatchObject({
      code: "stack_failed",
      message: expect.stringContaining(`process ${supervisor.pid}`),
      hint: expect.stringContaining("pitaya down"),
    });
    const down = stackDown({ ...stack.options({ patienceMs }), whenIdle: false });
    expect(await down).toEqual({ state: "stopped", interrupted: [] });
    await isGone(supervisor);
    await isGone(server);
    await nothingLeft(stack);
  });

  it("is what a signal asks for", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    stack.set({ liveRuns: [live] });
    await eventually(async () => (await connection.status()).liveRuns).toBe(1);
    kill(stack.supervisor(), "SIGTERM");
    expect(await connection.ended).toEqual({ reason: "down", interrupted: [live] });
    await eventually(() => existsSync(stack.paths.record)).toBe(false);
  });
});
