import { PitayaError } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { ISOLATE_LIMITS } from "./limits.ts";
import { openRealm, type Realm, type RealmEnd, type Reply } from "./realm.ts";
import { scriptBundle } from "./testing/script-bundle.ts";

const limits = {
  ...ISOLATE_LIMITS,
  ...{
    turnTicks: 50,
    turnJobs: 20_000,
    turnCalls: 500,
    messageCharacters: 2 ** 20,
    memoryBytes: 20 * 1024 ** 2,
  },
};
const methods = ["run", "wait", "key", "rand", "now"];
const failure = { message: "exit 1", error: { code: "agent_failed" } };

/** Runs code in a realm of this thread, with a context that answers at once. @throws what it ends with */
async function run(execute: string, before = "", said: string[] = []): Promise<unknown> {
  const end = Promise.withResolvers<RealmEnd>();
  let realm: Realm | undefined;
  let promises = 0;
  const settle = (reply: Exclude<Reply, { promise: number }>): Reply => {
    promises += 1;
    const promise = promises;
    queueMicrotask(() => {
      try {
        realm?.settle(promise, reply);
      } catch (error) {
        end.reject(error);
      }
    });
    return { promise };
  };
  const call = (name: string, [first, second]: readonly unknown[]): Reply => {
    if (name === "rand") return { value: 0.25 };
    if (name === "now") return { value: 1_000 };
    if (name === "key") return { value: "key" };
    const { key } = (name === "run" ? second : first) as { key: string };
    if (key === "taken") return { error: { id: 3, kind: "KeyConflict", given: key, message: key } };
    if (name === "run") return { value: { key } };
    if (key !== "bad") return settle({ value: { key } });
    return settle({ error: { id: 7, kind: "TaskFailed", given: failure, message: "exit 1" } });
  };
  realm = await openRealm({
    ...{ bundle: scriptBundle(execute, before), limits, methods, loadedAt: 5 },
    host: { call, log: (line) => void said.push(line), end: (ended) => end.resolve(ended) },
  });
  realm.beginTurn();
  realm.execute(0, { prompt: "do it", params: { n: 1 } });
  const ended = await end.promise;
  if ("error" in ended) throw new PitayaError(ended.error.code, ended.error.message);
  return "thrown" in ended ? ended : ended.outcome;
}

describe("what code in isolation has", () => {
  it("is its input and its context, at once and in turn", async () => {
    const said: string[] = [];
    const code = `
      const task = ctx.run({ prompt: input.prompt }, { key: "a" + input.params.n });
      const { key } = await ctx.wait(task);
      console.log("done", { key });
      return { status: "succeeded", tasks: [key] };`;
    await expect(run(code, "", said)).resolves.toEqual({ status: "succeeded", tasks: ["a1"] });
    expect(said).toEqual(['done {"key":"a1"}']);
  });

  it("is the context's clock and randomness, and no others", async () => {
    const code = `return [Date.now(), +new Date(), new Date().toISOString(), new Date() instanceof Date,
      new Date().constructor.now(), Math.random(), typeof performance, loaded];`;
    await expect(run(code, "const loaded = Date.now();")).resolves.toEqual([
      ...[1_000, 1_000, "1970-01-01T00:00:01.000Z", true, 1_000, 0.25, "undefined", 5],
    ]);
  });

  it("is nothing of the machine", async () => {
    const names = "process require fetch WebSocket setTimeout Buffer crypto std os module Worker";
    const code = `return ${JSON.stringify(names.split(" "))}.filter((name) => name in globalThis)`;
    await expect(run(code)).resolves.toEqual([]);
  });

  it("is given back: what is told to it again and again does not add up", async () => {
    const code = `for (let i = 0; i < 60; i++) await ctx.wait({ key: "x".repeat(400_000) }); return 1`;
    await expect(run(code)).resolves.toBe(1);
  });

  it("is the SDK's own errors", async () => {
    const code = `try { await ctx.wait({ key: "bad" }); } catch (error) {
      try { ctx.run({}, { key: "taken" }); } catch (other) {
        return [error instanceof TaskFailed, error.failure.error.code, other instanceof KeyConflict, other.key];
      } }`;
    await expect(run(code)).resolves.toEqual([true, "agent_failed", true, "taken"]);
  });

  it("is a log of so many lines of so many characters", async () => {
    const said: string[] = [];
    await run(`ctx.log("x".repeat(5000)); for (let i = 0; i < 3000; i++) console.log(i)`, "", said);
    expect(said[0]).toHaveLength(2_000);
    expect(said.slice(1_998)).toEqual(["1997", "further lines are left out"]);
  });

  it("and when it lets one through, that very one is what ends it", async () => {
    await expect(run(`await ctx.wait({ key: "bad" })`)).resolves.toEqual({ thrown: 7 });
  });
});

describe("a mistake of the code, or a trick, is told as such", () => {
  const runsOn = /runs on without ever waiting/;
  it.each<[string, string, RegExp]>([
    ["it throws", `throw new TypeError("oops")`, /mine\.ts threw TypeError: oops/],
    ["it throws nothing sensible", `throw { get message() { throw 1 } }`, /threw .*no error/],
    ["it reads the environment", "return process.env", /'process' is not defined/],
    ["it reads a file", `return require("fs")`, /'require' is not defined/],
    ["it loads code", `return import("node:child_process")`, /could not load module/],
    ["it opens a socket", `return fetch("http://127.0.0.1")`, /'fetch' is not defined/],
    ["it loops", "while (true);", runsOn],
    ["it loops over what it catches", "for (;;) { try { while (true); } catch {} }", runsOn],
    ["it loops over promises", "for (;;) await 0", runsOn],
    ["it loops over its context", `for (;;) await ctx.wait({ key: "a" })`, runsOn],
    ["it loops over its log", "for (;;) ctx.key(1)", runsOn],
    ["its pattern never ends", `return /(a+)+b/.test("a".repeat(40))`, runsOn],
    [
      "it allocates",
      `const a = []; for (;;) a.push("x".repeat(9999) + a.length)`,
      /more memory than/,
    ],
    ["it allocates to the last", "const a = []; for (;;) a.push({ n: a.length })", /the 20 MiB it/],
    ["it throws what is no error", "throw { a: 1 }", /mine\.ts threw \{"a":1\}/],
    ["it throws nothing at all", "throw null", /mine\.ts threw null/],
    ["it allocates much", "return new ArrayBuffer(2 ** 30)", /more memory than/],
    ["it recurses", "const f = () => f() + 1; return f()", /calls itself without end/],
    ["it says too much", `ctx.key("x".repeat(2 ** 20))`, /more than the 1 MiB/],
    ["it ends with too much", `return "x".repeat(2 ** 20)`, /more than the 1 MiB/],
    ["it ends with a circle", "const a = []; a[0] = a; return a", /circular/],
    ["it changes all objects", "Object.prototype.toJSON = () => 1; ctx.key(1)", /no way that is/],
  ])("%s", async (_, code, message) => {
    await expect(run(code)).rejects.toMatchObject({
      ...{ code: "strategy_failed", message: expect.stringMatching(message) },
    });
  });

  it.each<[string, string, RegExp]>([
    ["it throws while it is loaded", `throw new RangeError("early")`, /RangeError: early/],
    ["it loops while it is loaded", "while (true);", runsOn],
    [
      "it allocates",
      "const a = []; for (;;) a.push({ n: a.length })",
      /more memory than the 20 MiB/,
    ],
    ["it wants randomness while it is loaded", "Math.random()", /no randomness while/],
  ])("%s", async (_, before, message) => {
    await expect(run("", before)).rejects.toThrow(message);
  });
});
