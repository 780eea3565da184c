import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { leftOnEngine } from "../support/engine.ts";
import { cast, commitsFile, type Part } from "../support/model-server/cast.ts";
import { branchesOf, processesOf, RUN_ID, resultOf } from "../support/pitaya.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

const SummaryRead = z.object({
  results: z.array(z.object({ key: z.string(), status: z.string(), instance_id: z.string() })),
  strategies: z.record(z.string(), z.object({ chosen: z.string() })),
});
const Said = z.object({ time: z.number(), pid: z.int(), msg: z.string().optional() });

let stack: Stack;
beforeEach(async () => {
  stack = await embeddedStack();
});
afterEach(() => stack.leave());

describe("the embedded stack", () => {
  it("is started once by ten invocations at the same moment, and runs all ten", async () => {
    const { user, repository, modelFor } = stack;
    const repositories = await Promise.all(Array.from({ length: 10 }, repository));
    const args = ["add a greeting", "--json", "--base-url", modelFor("ok").url];
    const runs = await Promise.all(repositories.map((cwd) => user.run(args, { cwd })));
    expect(runs.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(Array(10).fill(0));
    for (const cwd of repositories) expect(await branchesOf(cwd)).toHaveLength(1);
    const servers = (await processesOf(user)).filter((p) => p.command.includes("nats-server"));
    expect(servers).toHaveLength(1);
  });

  it("killed with -9 under a live run comes back, and the run finishes with the right one chosen", async () => {
    const { user, repository, modelFor } = stack;
    const cwd = await repository();
    const candidate =
      (text: string): Part["plays"] =>
      () => [commitsFile("answer.txt", text), { text: "Done." }];
    const score = (n: number) =>
      JSON.stringify({ correctness: n, completeness: n, quality: n, rationale: "as it is" });
    const { scenario } = cast({
      quick: { hears: /^<task>[\s\S]*Be quick/, plays: candidate("right\n") },
      careful: { hears: /^<task>[\s\S]*Be careful/, plays: candidate("right and clear\n") },
      scorer: {
        hears: /You judge a change/,
        plays: (_, { toolResults }) => [
          { bash: "cat answer.txt" },
          { text: score(toolResults.join().includes("right and clear") ? 7 : 5) },
        ],
      },
    });
    const told = ["write the answer", "--strategy", "best-of-n", "-S", "n=2"];
    const hints = ["-S", 'diversity_hints=["Be quick.", "Be careful."]'];
    const where = ["--no-tui", "--base-url", modelFor(scenario).url];
    const run = user.start([...told, ...hints, ...where], { cwd });
    const [runId] = await run.saw(RUN_ID);
    // One candidate is done, and what comes of it has begun.
    await run.saw(/key=cand\d\/score/);
    for (const { pid, command } of await processesOf(user)) {
      const isClient = pid === run.process.pid || command.includes("write the answer");
      if (!isClient && !command.includes("nats-server")) process.kill(pid, "SIGKILL");
    }
    const { code, stderr } = await run.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const summary = SummaryRead.parse(JSON.parse(await resultOf(cwd, runId, "summary.json")));
    expect(summary.results.map(({ key, status }) => `${key} ${status}`).toSorted()).toEqual(
      [1, 2].flatMap((n) => [`cand${n}/gen completed`, `cand${n}/score/attempt-1 completed`]),
    );
    const best = summary.results.find(({ key }) => key === "cand2/gen");
    expect(summary.strategies["s1"]?.chosen).toBe(best?.instance_id);
    expect(await branchesOf(cwd)).toHaveLength(3);
    expect(await decidesAfterMs(user.stateDir)).toBeLessThan(2_000);
  });

  it("serves two terminals at once, in the same repository", async () => {
    const { user, repository, modelFor } = stack;
    const cwd = await repository();
    const args = ["add a greeting", "--json", "--base-url", modelFor("ok").url];
    const both = await Promise.all([1, 2].map(() => user.run(args, { cwd })));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await branchesOf(cwd)).toHaveLength(2);
  });

  it("ends with `pitaya down`, and leaves no process and no container, under a live run too", async () => {
    const { user, model, repository, modelFor } = stack;
    const cwd = await repository();
    const { url, id } = modelFor("hang");
    const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    const [runId] = await run.saw(RUN_ID);
    await model.requested(id, 1);
    expect((await user.run(["status"], { cwd })).code).toBe(0);
    expect((await user.run(["down"], { cwd })).code).toBe(0);
    expect(await leftOnEngine([runId])).toEqual([]);
    expect((await run.finished).code).toBe(2);
    expect(await processesOf(user)).toEqual([]);
  });
});

/** From the last supervisor's first word to its coordinator's taking over. */
async function decidesAfterMs(stateDir: string): Promise<number> {
  const names = await readdir(stateDir, { recursive: true });
  const name = names.find((each) => basename(each) === "supervisor.log") ?? "supervisor.log";
  const text = await readFile(join(stateDir, name), "utf8");
  const said = text
    .trim()
    .split("\n")
    .map((line) => Said.parse(JSON.parse(line)));
  const own = said.filter(({ pid }) => pid === said.at(-1)?.pid);
  const decides = own.find(({ msg }) => msg === "decides");
  return (decides?.time ?? Number.POSITIVE_INFINITY) - (own[0]?.time ?? 0);
}
