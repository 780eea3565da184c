import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StartExecution } from "../host/hosted-execution.ts";
import type { Program } from "./program.ts";
import { programStrategy } from "./program-strategy.ts";
import { anyProgram, scriptOf } from "./random-program.ts";
import { runStrategy, type TestedRun } from "./run-strategy.ts";
import type { Script } from "./script.ts";

/**
 * What holds of strategy code wherever it runs.
 *
 * @param start runs `programStrategy`, the native one or the same code elsewhere
 * @param numRuns of each property
 */
export function strategyHostContract(
  name: string,
  start: StartExecution,
  { numRuns = 200 }: { readonly numRuns?: number } = {},
): void {
  const play = (program: Program, script: Script, crash: "never" | "after-every-step" = "never") =>
    runStrategy(programStrategy, { ...{ start, crash, script }, params: { program } });
  const trail = ({ outcome, error }: TestedRun) => {
    expect(error).toBeUndefined();
    return outcome.files?.["trail.txt"]?.split("\n") ?? [];
  };

  describe(`strategy code run by ${name}`, () => {
    it("comes to the same outcome by the same tasks, if it crashes after every step", async () => {
      await fc.assert(
        fc.asyncProperty(anyProgram, fc.nat(), async (program, seed) => {
          const { task: _, ...smooth } = await play(program, scriptOf(seed));
          const { task: __, ...crashed } = await play(program, scriptOf(seed), "after-every-step");
          expect(smooth.error).toBeUndefined();
          expect(crashed).toEqual(smooth);
        }),
        { numRuns },
      );
    });

    it("learns of a race's first end in the order of the log", async () => {
      const program: Program = [
        { do: "run", stacked: false },
        { do: "run", stacked: false },
        { do: "race", of: [0, 1] },
        { do: "waitAll", of: [0, 1] },
        { do: "race", of: [0, 1] },
      ];
      const script: Script = ({ key }) => ({ message: "", afterMs: key === "t/0" ? 20 : 10 });
      expect(trail(await play(program, script)).filter((line) => line.startsWith("won"))).toEqual([
        "won: t/1 succeeded",
        "won: t/1 succeeded",
      ]);
    });

    it("gets the time of what it learned last, and it stands still between", async () => {
      const program: Program = [
        { do: "now" },
        { do: "now" },
        { do: "sleep", ms: 50 },
        { do: "now" },
        { do: "run", stacked: false },
        { do: "wait", of: 0 },
        { do: "now" },
      ];
      const result = await play(program, () => ({ afterMs: 7 }));
      const [first, second, third, fourth] = trail(result)
        .filter((line) => line.startsWith("now "))
        .map((line) => Number(line.slice(4)));
      expect([second, third, fourth].map((at) => (at ?? 0) - (first ?? 0))).toEqual([0, 50, 57]);
    });

    it("cancels what it wants no more, and a task that has ended stays as it is", async () => {
      const program: Program = [
        { do: "run", stacked: false },
        { do: "run", stacked: false },
        { do: "wait", of: 0 },
        { do: "cancel", of: 0 },
        { do: "cancel", of: 1 },
        { do: "waitAll", of: [0, 1] },
      ];
      const script: Script = ({ key }) => (key === "t/0" ? { message: "done" } : "pending");
      const result = await play(program, script, "after-every-step");
      expect(trail(result).slice(1)).toEqual([
        expect.stringContaining("t/0: done"),
        "t/1: cancelled",
      ]);
    });

    it("draws numbers that are the execution's own", async () => {
      const program: Program = [{ do: "rand" }, { do: "rand" }];
      const drawn = async (execution: number) => {
        const run = { start, script: () => ({}), params: { program }, execution };
        return trail(await runStrategy(programStrategy, run));
      };
      const [one, two, again] = [await drawn(1), await drawn(2), await drawn(1)];
      expect(again).toEqual(one);
      expect(new Set([...one, ...two]).size).toBe(4);
    });
  });
}
