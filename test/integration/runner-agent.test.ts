import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quarantine } from "@pitaya/git";
import { claudeCode } from "@pitaya/plugins";
import { type FactOf, instanceId, RunId, type TaskSpec } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  containersOf,
  type RunnerPrograms,
  runnerPrograms,
  WAIT,
} from "../support/runner-programs.ts";

const RUNNER = `test-${randomBytes(4).toString("hex")}`;
const RUN = RunId.parse(`run_20260101_000000_${randomBytes(4).toString("hex")}`);
const API_KEY = "sk-ant-api03-canary-of-the-runner-agent-test";
const COMMIT = 'echo hello > hello.txt && git add hello.txt && git commit -q -m "Add hello.txt"';

let programs: RunnerPrograms;
beforeAll(async () => {
  programs = await runnerPrograms({ runners: [RUNNER], run: RUN, apiKey: API_KEY });
});
afterAll(() => programs?.close());

const startProgram = () => programs.startProgram(RUNNER);
const liveness = () => programs.liveness(RUNNER);
const order = (key: string, url: string, task: Partial<TaskSpec> = {}) =>
  programs.order({ runner: RUNNER, key, url, task });
const facts = (key: string) => programs.facts({ runner: RUNNER, key });
const ending = (key: string) => programs.ending({ runner: RUNNER, key });
const urlOf: RunnerPrograms["model"]["url"] = (scenario, id) =>
  programs.model.url(scenario, id, "host.docker.internal");

/** What the attempt's bundle adds to the base, looked at as the cli will. */
async function workOf(end: FactOf<"attempt.succeeded">, name: string) {
  if (end.bundle === undefined) throw new Error("there is no bundle");
  const { dir, base, coordinator, objectDirs } = programs;
  const path = join(dir, `${name}.bundle`);
  const parts: Uint8Array[] = [];
  for await (const part of coordinator.blobs.get(end.bundle.blob)) parts.push(part);
  await writeFile(path, Buffer.concat(parts));
  return quarantine({
    bundlePath: path,
    dir: join(dir, `${name}.quarantine`),
    baseCommit: base.commit,
    objectDirs,
    shallow: [],
    objectFormat: "sha1",
  });
}

async function childrenOf(pid: number | undefined): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").flatMap((child) => (child.trim() === "" ? [] : [Number(child)]));
}

describe("a runner-agent as a program, on a real bus and engine, with the real agent CLI", () => {
  it("brings one commit home, and leaves nothing of the attempt", async () => {
    await startProgram();
    await order("home", urlOf("ok", "home"));
    const end = await ending("home");
    expect(end).toMatchObject({
      type: "attempt.succeeded",
      uncommitted: false,
      work: { commits: 1, filesChanged: 1 },
      account: { sessionId: expect.any(String) },
    });
    if (end?.type !== "attempt.succeeded") return;
    expect(await workOf(end, "home")).toMatchObject({ commit: end.work?.commit, commitCount: 1 });
    await expect.poll(() => containersOf(RUNNER), WAIT).toEqual([]);
  });

  it("killed in the middle and started again, it adopts the agent and brings its work home", async () => {
    const script = [
      { bash: COMMIT, say: "First the file." },
      { text: "It is there.", beforeMs: 6_000 },
    ];
    const first = await startProgram();
    await order("killed", urlOf(script, "killed"));
    await programs.model.requested("killed", 2);
    first.kill("SIGKILL");
    await once(first, "exit");
    // Its warden sees to that: nobody looks after the agent, and another runner may be given its work.
    await expect.poll(() => containersOf(RUNNER), WAIT).toEqual(["paused"]);
    await startProgram();
    expect(await liveness()).toMatchObject({
      attempts: [{ run: RUN, instance: instanceId(RUN, "s1", "killed"), attempt: 1 }],
    });
    const end = await ending("killed");
    expect(end).toMatchObject({
      type: "attempt.succeeded",
      work: { commits: 1 },
      finalMessage: { inline: "It is there." },
    });
    const told = await facts("killed");
    expect(told.filter(({ fact }) => fact.type === "attempt.adopted")).toHaveLength(1);
    expect(told.filter(({ fact }) => fact.type === "attempt.unpaused")).toHaveLength(1);
    expect(new Set(told.map(({ by }) => by)).size).toBe(2);
    expect(told.some(({ fact }) => fact.type === "output.gap")).toBe(false);
  });

  it("killed and not started again, its lease lapses, since its warden holds it no longer", async () => {
    const program = await startProgram();
    expect(await liveness()).toBeDefined();
    program.kill("SIGKILL");
    await expect.poll(liveness, WAIT).toBeUndefined();
  });

  it("gets another warden when its own is killed, and stays who it is", async () => {
    const program = await startProgram();
    const before = await liveness();
    const [warden] = await childrenOf(program.pid);
    if (warden === undefined) throw new Error("there is no warden");
    process.kill(warden, "SIGKILL");
    await expect.poll(() => childrenOf(program.pid), WAIT).not.toContain(warden);
    await expect.poll(() => childrenOf(program.pid), WAIT).toHaveLength(1);
    await expect.poll(async () => (await liveness())?.incarnation, WAIT).toBe(before?.incarnation);
    expect(program.exitCode).toBeNull();
  });

  it("told to end, it leaves its agents standing for the next one", async () => {
    const first = await startProgram();
    const script = [{ text: "Done.", beforeMs: 5_000 }];
    await order("left", urlOf(script, "left"));
    await programs.model.requested("left", 1);
    first.kill("SIGTERM");
    expect(await once(first, "exit")).toEqual([0, null]);
    expect(await containersOf(RUNNER)).toEqual(["paused"]);
    await startProgram();
    expect(await ending("left")).toMatchObject({ type: "attempt.succeeded" });
  });

  it("ends, and says why, where it cannot start", async () => {
    const child = programs.spawnProgram(RUNNER, { DOCKER_HOST: "unix:///nowhere/docker.sock" });
    const told: Buffer[] = [];
    child.stderr?.on("data", (bytes: Buffer) => told.push(bytes));
    expect(await once(child, "close")).toEqual([1, null]);
    expect(String(Buffer.concat(told))).toContain("/nowhere/docker.sock");
  });

  it("says why where it cannot do what it is told", async () => {
    await startProgram();
    const url = urlOf("ok", "refused");
    const agent = { plugin: claudeCode.name, cliArgs: [], credentials: [], baseUrl: url };
    await order("image", url, { agent: { ...agent, image: "pitaya-no-such-image:latest" } });
    expect(await ending("image")).toMatchObject({ error: { code: "image_missing" } });
  });
});
