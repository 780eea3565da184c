import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bestBranchName,
  branchName,
  ExecutionId,
  executionId,
  InstanceId,
  instanceId,
  makeRunId,
  messageIds,
  RunId,
  shortInstanceId,
  TaskKey,
  Token,
} from "./index.ts";

const hex8 = fc.stringMatching(/^[0-9a-f]{8}$/);
const moment = fc.date({
  min: new Date("2020-01-01T00:00:00Z"),
  max: new Date("2099-12-31T23:59:59Z"),
  noInvalidDate: true,
});
const runId = fc.tuple(moment, hex8).map(([at, random]) => makeRunId(at, random));
const key = fc
  .string({ minLength: 1, maxLength: 60 })
  .filter((text) => TaskKey.safeParse(text).success);
const counter = fc.integer({ min: 1, max: 1_000_000 });

describe("ids", () => {
  it("are tokens of a subject, files and parts of a branch", () => {
    fc.assert(
      fc.property(runId, key, fc.integer({ min: 1, max: 9_999 }), (run, task, n) => {
        const execution = executionId(n);
        const instance = instanceId(run, execution, task);
        for (const id of [run, execution, instance, shortInstanceId(instance)]) {
          expect(Token.parse(id)).toBe(id);
        }
        expect(RunId.parse(run)).toBe(run);
        expect(ExecutionId.parse(execution)).toBe(execution);
        expect(InstanceId.parse(instance)).toBe(instance);
      }),
    );
  });

  it("of runs sort as their times do", () => {
    fc.assert(
      fc.property(moment, moment, hex8, (a, b, random) => {
        const seconds = (at: Date) => Math.floor(at.getTime() / 1_000);
        const [first, second] = [makeRunId(a, random), makeRunId(b, random)];
        expect(Math.sign(seconds(a) - seconds(b))).toBe(
          first === second ? 0 : first < second ? -1 : 1,
        );
      }),
    );
  });

  it("of instances depend on run, execution and key, and on nothing else", () => {
    fc.assert(
      fc.property(runId, key, key, (run, one, two) => {
        expect(instanceId(run, "s1", one)).toBe(instanceId(run, "s1", one));
        expect(instanceId(run, "s1", one)).not.toBe(instanceId(run, "s2", one));
        if (one !== two) expect(instanceId(run, "s1", one)).not.toBe(instanceId(run, "s1", two));
      }),
    );
  });
});

describe("branch names", () => {
  const strategy = fc.string({ minLength: 1, maxLength: 80 });
  const naming = fc.constantFrom("hierarchical" as const, "flat" as const);

  it("are names git takes, whatever the strategy is called", () => {
    fc.assert(
      fc.property(naming, strategy, runId, key, (how, name, run, task) => {
        const branch = branchName(how, name, run, instanceId(run, "s1", task));
        expect(branch).toMatch(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/);
        expect(branch).not.toMatch(/\.\.|\/\/|\/\.|\.\/|\.lock(\/|$)|[./]$/);
        expect(branch.split("/")).toHaveLength(how === "flat" ? 1 : 4);
      }),
      {
        examples: [
          ["hierarchical", "a..b", makeRunId(new Date(0), "00000000"), "k"],
          ["flat", "x.lock", makeRunId(new Date(0), "00000000"), "k"],
        ],
      },
    );
  });

  it("do not repeat one that is taken", () => {
    fc.assert(
      fc.property(naming, runId, key, (how, run, task) => {
        const instance = instanceId(run, "s1", task);
        const first = branchName(how, "simple", run, instance);
        expect(branchName(how, "simple", run, instance, new Set([first]))).not.toBe(first);
      }),
    );
  });
});

describe("the second name of a chosen branch", () => {
  it("is best, and with several executions one for each", () => {
    const best = (execution: string, executions: number, how: "hierarchical" | "flat") =>
      bestBranchName(how, "best-of-n", "run_20260102_030405_00000001", execution, executions);
    expect(best("s1", 1, "hierarchical")).toBe(
      "pitaya/best-of-n/run_20260102_030405_00000001/best",
    );
    expect(best("s12", 20, "flat")).toBe("pitaya-best-of-n-run_20260102_030405_00000001-best-12");
  });
});

describe("message ids", () => {
  const chained = fc.oneof(
    fc.tuple(runId, counter, counter).map((p) => messageIds.decision(...p)),
    fc.tuple(runId, hex8, counter, hex8, counter).map((p) => messageIds.fact(...p)),
    fc.tuple(runId, hex8, counter, counter, counter).map((p) => messageIds.seal(...p)),
    fc.tuple(runId, hex8, hex8).map((p) => messageIds.note(...p)),
  );

  it("have no place for what separates them inside their parts", () => {
    fc.assert(
      fc.property(chained, (id) => {
        expect(id).toMatch(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/);
      }),
    );
  });

  it("differ where run, kind, chain or place differ", () => {
    const part = fc.record({
      run: runId,
      instance: hex8,
      incarnation: hex8,
      a: counter,
      b: counter,
    });
    fc.assert(
      fc.property(part, part, (one, two) => {
        const all = ({ run, instance, incarnation, a, b }: typeof one) => [
          messageIds.decision(run, a, b),
          messageIds.fact(run, instance, a, incarnation, b),
          messageIds.seal(run, instance, a, b, 1),
          messageIds.note(run, instance, incarnation),
        ];
        const ids = [...all(one), ...(JSON.stringify(one) === JSON.stringify(two) ? [] : all(two))];
        const differing = new Set(ids);
        if (one.run !== two.run) expect(differing.size).toBe(ids.length);
        else expect(new Set(all(one)).size).toBe(4);
      }),
    );
  });
});
