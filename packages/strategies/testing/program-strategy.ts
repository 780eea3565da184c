import { z } from "zod";
import {
  defineStrategy,
  type StrategyContext,
  TaskFailed,
  type TaskHandle,
  type TaskResult,
} from "../sdk.ts";
import type { Program, Step } from "./program.ts";

/** Plays a {@link Program}, and writes down all it learns and in which order. */
export const programStrategy = defineStrategy({
  name: "program",
  params: z.object({ program: z.custom<Program>((value) => Array.isArray(value)) }),
  async execute({ prompt, params }, ctx) {
    const asked: { readonly handle: TaskHandle; readonly prompt: string; base?: string }[] = [];
    const branches: string[] = [];
    const done = new Set<string>();
    const trail: string[] = [];

    const one = (of: number) => asked[of % Math.max(1, asked.length)]?.handle;
    const several = (of: readonly number[]) => of.map(one).filter((handle) => handle !== undefined);

    function learned(result: TaskResult): void {
      done.add(result.key);
      if (result.branch !== undefined) branches.push(result.branch);
      trail.push(`${result.key}: ${result.finalMessage} at ${result.commit}`);
    }

    function run(stacked: boolean): void {
      const key = ctx.key("t", asked.length);
      const base = stacked ? branches.at(-1) : undefined;
      const task = { prompt: `${prompt} ${asked.length}`, ...(base && { baseBranch: base }) };
      asked.push({ handle: ctx.run(task, { key }), prompt: task.prompt, ...(base && { base }) });
    }

    function again(of: number): void {
      const known = asked[of % Math.max(1, asked.length)];
      if (!known) return;
      const { handle, prompt: text, base } = known;
      const task = { prompt: text, ...(base && { baseBranch: base }) };
      trail.push(`again ${ctx.run(task, { key: handle.key }).key}`);
    }

    async function wait(of: number, by: StrategyContext): Promise<void> {
      const handle = one(of);
      if (!handle) return;
      try {
        learned(await by.wait(handle));
      } catch (error) {
        if (!(error instanceof TaskFailed)) throw error;
        trail.push(`${error.failure.key}: ${error.failure.errorType}`);
      }
    }

    async function waitAll(of: readonly number[]): Promise<void> {
      for (const end of await ctx.waitAll(several(of), { tolerateFailures: true })) {
        if (end.status === "succeeded") learned(end.result);
        else trail.push(`${end.key}: ${end.failure.errorType}`);
      }
    }

    async function race(of: readonly number[]): Promise<void> {
      const handles = several(of);
      if (handles.length === 0) return;
      const end = await ctx.race(handles);
      trail.push(`won: ${end.key} ${end.status}`);
    }

    async function readFile(of: number): Promise<void> {
      const branch = branches[of % Math.max(1, branches.length)];
      if (branch !== undefined) trail.push(`read ${await ctx.readFile(branch, "a.txt")}`);
    }

    async function play(step: Step): Promise<void> {
      switch (step.do) {
        case "run":
          return run(step.stacked);
        case "again":
          return again(step.of);
        case "wait":
          return wait(step.of, ctx);
        case "waitAll":
          return waitAll(step.of);
        case "race":
          return race(step.of);
        case "cancel": {
          const handle = one(step.of);
          if (handle) ctx.cancel(handle);
          return;
        }
        case "rand":
          trail.push(`rand ${ctx.rand()}`);
          return;
        case "now":
          trail.push(`now ${ctx.now()}`);
          return;
        case "sleep":
          await ctx.sleep(step.ms);
          trail.push(`slept ${step.ms}`);
          return;
        case "readFile":
          return readFile(step.of);
        case "loop":
          for (let times = Math.floor(ctx.rand() * 3); times > 0; times -= 1) {
            await playAll(step.body);
          }
          return;
        case "fork":
          await Promise.all(step.bodies.map(playAll));
          return;
        default:
          return step satisfies never;
      }
    }

    async function playAll(steps: readonly Step[]): Promise<void> {
      for (const step of steps) await play(step);
    }

    await playAll(params.program);
    // What it knows to have succeeded: of anything else nobody would believe a success.
    const tasks = [...done];
    return {
      status: trail.length % 7 === 6 ? "failed" : "succeeded",
      tasks,
      ...(tasks[0] !== undefined && { chosen: tasks[0] }),
      files: { "trail.txt": trail.join("\n") },
    };
  },
});
