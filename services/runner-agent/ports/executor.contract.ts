import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AttemptSpec, Execution, Executor, OutputGap, PackSpec } from "./executor.port.ts";

/** What an agent of this suite does, in order. A harness turns it into something that runs. */
export type AgentStep =
  | { readonly do: "write"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly do: "print-env"; readonly name: string }
  | { readonly do: "print-stdin" }
  /** A file of its inputs. */
  | { readonly do: "print-input"; readonly name: string }
  | { readonly do: "commit" }
  | { readonly do: "leave" }
  /** A file of the workspace. */
  | { readonly do: "print-file"; readonly path: string }
  /** Writes a file of its session, below its home. */
  | { readonly do: "remember"; readonly file: string; readonly text: string }
  | { readonly do: "print-remembered"; readonly file: string }
  /** What `leave` left in the workspace, as it is found there. */
  | { readonly do: "print-left" }
  | { readonly do: "ignore-term" }
  | { readonly do: "wait-for-end" }
  | { readonly do: "exit"; readonly code: number };

export interface ExecutorHarness {
  readonly executor: Executor;
  /** A spec whose agent does these steps, in a workspace that `pack` holds; its name is fresh. */
  attempt(steps: readonly AgentStep[], change?: Partial<AttemptSpec>): AttemptSpec;
  readonly pack: { readonly spec: PackSpec; readonly path: string };
  readonly image: string;
  close(): Promise<void>;
}

export const sha256Of = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** All that an execution says, joined by stream, with proof that no byte is missing or twice. */
export async function collect(
  execution: Execution,
  from = { stdout: 0, stderr: 0 },
): Promise<{ stdout: Buffer; stderr: Buffer; gaps: OutputGap[] }> {
  const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const next = { ...from };
  const gaps: OutputGap[] = [];
  for await (const item of execution.output) {
    if ("gap" in item) {
      gaps.push(item.gap);
      expect(item.gap.fromOffset).toBe(next[item.gap.stream]);
      next[item.gap.stream] = item.gap.toOffset ?? item.gap.fromOffset;
      continue;
    }
    expect(item.offset).toBe(next[item.stream]);
    next[item.stream] += item.bytes.length;
    parts[item.stream].push(item.bytes);
  }
  return { stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr), gaps };
}

/** Reads until stdout holds this text, and stops there. Returns how far stdout was read. */
export async function readUntil(execution: Execution, text: string): Promise<number> {
  let tail = "";
  let end = 0;
  const output = execution.output[Symbol.asyncIterator]();
  while (!tail.includes(text)) {
    const { value, done } = await output.next();
    if (done) throw new Error(`the output ended without ${JSON.stringify(text)}: …${tail}`);
    if (!("bytes" in value) || value.stream !== "stdout") continue;
    end = value.offset + value.bytes.length;
    tail = tail.slice(-text.length) + Buffer.from(value.bytes).toString("latin1");
  }
  return end;
}

export function executorContract(title: string, make: () => Promise<ExecutorHarness>): void {
  describe(`executor contract: ${title}`, () => {
    let harness: ExecutorHarness;
    let executor: Executor;
    let toDir: string;
    const specs: AttemptSpec[] = [];

    beforeAll(async () => {
      harness = await make();
      executor = harness.executor;
      await executor.storePack(harness.pack.spec, harness.pack.path);
      toDir = await mkdtemp(join(tmpdir(), "executor-contract-"));
    });
    afterEach(async () => {
      for (const spec of specs.splice(0)) await executor.remove(spec.name);
    });
    afterAll(async () => {
      await harness?.close();
      await rm(toDir, { recursive: true, force: true });
    });

    const prepare = async (steps: readonly AgentStep[], change?: Partial<AttemptSpec>) => {
      const spec = harness.attempt(steps, change);
      specs.push(spec);
      await executor.prepare(spec);
      return spec;
    };
    const run = async (
      steps: readonly AgentStep[],
      change?: Partial<AttemptSpec>,
      secrets: Record<string, string> = {},
    ) => {
      const { name } = await prepare(steps, change);
      const execution = await executor.start(name, secrets);
      const output = await collect(execution);
      return { name, output, exit: await execution.exit };
    };
    const harvest = async (name: AttemptSpec["name"], maxBytes = 1_000_000) =>
      executor.harvest(name, await mkdtemp(join(toDir, "harvest-")), maxBytes);

    it("knows the packs it stores, and stores one once", async () => {
      const { spec, path } = harness.pack;
      expect(await executor.hasPack(spec.sha256)).toBe(true);
      expect(await executor.hasPack("0".repeat(64))).toBe(false);
      await Promise.all([executor.storePack(spec, path), executor.storePack(spec, path)]);
    });

    it("resolves images that can run the program, and says what is wrong with others", async () => {
      expect(await executor.resolveImage(harness.image, "sh")).toHaveProperty("imageId");
      await expect(
        executor.resolveImage("localhost:1/no-such-image:1", "sh"),
      ).rejects.toMatchObject({
        code: "image_missing",
      });
      await expect(executor.resolveImage(harness.image, "no-such-agent")).rejects.toMatchObject({
        code: "image_unusable",
        message: expect.stringContaining("no-such-agent"),
      });
    });

    it("refuses a workspace whose packs are not stored", async () => {
      const spec = harness.attempt([]);
      const workspace = { ...spec.workspace, packs: ["f".repeat(64)] };
      await expect(executor.prepare({ ...spec, workspace })).rejects.toMatchObject({
        code: "blob_missing",
      });
    });

    it("gives the agent environment, secrets, stdin and inputs, and keeps its streams apart", async () => {
      const value = "line one\nüñí $(false) `false` \"quotes\" 'and' \\ more\n\n";
      const { output, exit } = await run(
        [
          { do: "print-env", name: "PLAIN" },
          { do: "print-env", name: "SECRET" },
          { do: "print-stdin" },
          { do: "print-input", name: "a-file.json" },
          { do: "write", stream: "stderr", text: "apart\n" },
          { do: "exit", code: 7 },
        ],
        {
          env: { PLAIN: "a b" },
          stdin: "typed in\n",
          inputs: { "a-file.json": "ünread\n", empty: "" },
        },
        { SECRET: value },
      );
      expect(output.stdout.toString()).toBe(`a b${value}typed in\nünread\n`);
      expect(output.stderr.toString()).toBe("apart\n");
      expect(exit).toEqual({ kind: "agent", exitCode: 7, oomKilled: false });
    });

    it("brings commits as a bundle, what is uncommitted as a patch, and nothing from nothing", async () => {
      const committed = await run([{ do: "commit" }]);
      const found = await harvest(committed.name);
      expect(found.forcedCommit).toBe(false);
      expect(found.patchPath).toBeUndefined();
      expect((await readFile(found.bundlePath ?? "")).length).toBeGreaterThan(0);
      await expect(harvest(committed.name, 5)).rejects.toMatchObject({ code: "bundle_rejected" });

      const left = await harvest((await run([{ do: "leave" }])).name);
      expect(left.bundlePath).toBeUndefined();
      expect((await readFile(left.patchPath ?? "")).length).toBeGreaterThan(0);

      const nothing = await harvest((await run([])).name);
      expect(nothing).not.toHaveProperty("bundlePath");
      expect(nothing).not.toHaveProperty("patchPath");
      expect(nothing.trouble).toBeUndefined();
    });

    it("commits for the agent when told to", async () => {
      const { name } = await run([{ do: "leave" }], { forceCommit: true });
      const found = await harvest(name);
      expect(found).toMatchObject({ forcedCommit: true, bundlePath: expect.any(String) });
      expect(found).not.toHaveProperty("patchPath");
    });

    it("has nothing from an agent that may only look, or whose work is not wanted", async () => {
      for (const change of [{ readOnly: true }, { discards: true }]) {
        const found = await harvest((await run([{ do: "commit" }, { do: "leave" }], change)).name);
        expect(found).not.toHaveProperty("bundlePath");
        expect(found).not.toHaveProperty("patchPath");
        expect(found.trouble).toBeUndefined();
      }
    });

    it("puts files of ours into the workspace", async () => {
      const bytes = Buffer.from("held out: ü\0\n");
      const path = "checks/deep/held out.txt";
      const files = [{ path, bytes, isExecutable: false }];
      const { output } = await run([{ do: "print-file", path }], { files });
      expect(output.stdout).toEqual(bytes);
      const { output: none } = await run([{ do: "print-file", path }]);
      expect(none.stdout.toString()).toBe("");
    });

    it("ends an agent with TERM, and harvests what it had done", async () => {
      const { name } = await prepare([
        { do: "commit" },
        { do: "write", stream: "stdout", text: "ready\n" },
        { do: "wait-for-end" },
      ]);
      const execution = await executor.start(name, {});
      await readUntil(execution, "ready\n");
      await execution.signal("TERM");
      expect(await execution.exit).toMatchObject({ kind: "agent", signal: "SIGTERM" });
      expect(await harvest(name)).toHaveProperty("bundlePath");
      await execution.signal("TERM");
    });

    it("ends an agent that ignores TERM with KILL after the grace", async () => {
      const { name } = await prepare(
        [
          { do: "ignore-term" },
          { do: "commit" },
          { do: "write", stream: "stdout", text: "ready\n" },
          { do: "wait-for-end" },
        ],
        { killGraceMs: 300 },
      );
      const execution = await executor.start(name, {});
      await readUntil(execution, "ready\n");
      await execution.signal("TERM");
      expect(await execution.exit).toMatchObject({ kind: "agent", signal: "SIGKILL" });
      expect(await harvest(name)).toHaveProperty("bundlePath");
    });

    it("ends the container with KILL, and can harvest all the same", async () => {
      const { name } = await prepare([
        { do: "commit" },
        { do: "write", stream: "stdout", text: "ready\n" },
        { do: "wait-for-end" },
      ]);
      const execution = await executor.start(name, {});
      await readUntil(execution, "ready\n");
      await execution.signal("KILL");
      expect(await execution.exit).toMatchObject({ kind: "container", exitCode: 137 });
      expect(await harvest(name)).toHaveProperty("bundlePath");
    });

    it("lets a container go on when it detaches, and reads on exactly there when it adopts", async () => {
      const { name } = await prepare([
        { do: "write", stream: "stdout", text: "first\n" },
        { do: "write", stream: "stderr", text: "also\n" },
        { do: "wait-for-end" },
      ]);
      const before = await executor.start(name, {});
      await readUntil(before, "first\n");
      before.detach();
      const from = { stdout: "fir".length, stderr: 0 };
      const after = await executor.adopt(name, from);
      const output = collect(after, from);
      await after.signal("TERM");
      expect((await output).stdout.toString()).toBe("st\n");
      expect((await output).stderr.toString()).toBe("also\n");
      expect((await output).gaps).toEqual([]);
      expect(await after.exit).toMatchObject({ kind: "agent", signal: "SIGTERM" });
    });

    it("adopts a container that has ended meanwhile", async () => {
      const { name } = await run([
        { do: "write", stream: "stdout", text: "one\ntwo\n" },
        { do: "write", stream: "stderr", text: "three\n" },
        { do: "exit", code: 3 },
      ]);
      const from = { stdout: 4, stderr: 0 };
      const execution = await executor.adopt(name, from);
      const output = await collect(execution, from);
      expect(output.stdout.toString()).toBe("two\n");
      expect(output.stderr.toString()).toBe("three\n");
      expect(output.gaps).toEqual([]);
      expect(await execution.exit).toMatchObject({ kind: "agent", exitCode: 3 });
    });

    describe("a pause", () => {
      const start = async () => {
        const { name } = await prepare([
          { do: "commit" },
          { do: "write", stream: "stdout", text: "ready\n" },
          { do: "wait-for-end" },
        ]);
        const execution = await executor.start(name, {});
        await readUntil(execution, "ready\n");
        return { name, execution };
      };
      const stateOf = async (name: AttemptSpec["name"]) =>
        (await executor.list()).find((each) => each.name.attempt === name.attempt)?.state;

      it("has an attempt stand still, and it goes on afterwards as if nothing had been", async () => {
        const { name, execution } = await start();
        await Promise.all([executor.pause(name), executor.pause(name)]);
        expect(await stateOf(name)).toBe("paused");
        await executor.unpause(name);
        await executor.unpause(name);
        expect(await stateOf(name)).toBe("running");
        await execution.signal("TERM");
        expect(await execution.exit).toMatchObject({ kind: "agent", signal: "SIGTERM" });
        expect(await harvest(name)).toHaveProperty("bundlePath");
      });

      it("outlives whoever made it; adopted, the attempt can be ended where it stands", async () => {
        const { name, execution } = await start();
        await executor.pause(name);
        execution.detach();
        const from = { stdout: "ready\n".length, stderr: 0 };
        const after = await executor.adopt(name, from);
        const output = collect(after, from);
        await after.signal("KILL");
        expect(await after.exit).toMatchObject({ kind: "container", exitCode: 137 });
        expect((await output).stdout.toString()).toBe("");
        expect(await harvest(name)).toHaveProperty("bundlePath");
      });

      it("is nothing to what does not run", async () => {
        const created = await prepare([]);
        await executor.pause(created.name);
        expect(await stateOf(created.name)).toBe("created");
        const { name } = await run([]);
        await executor.pause(name);
        await executor.unpause(name);
        expect(await stateOf(name)).toBe("exited");
        const gone = { ...name, attempt: 996 };
        await executor.pause(gone);
        await executor.unpause(gone);
      });
    });

    describe("a snapshot", () => {
      const FILE = "notes/2026/talk-11-22-7f.jsonl";
      const FILES = ["notes/*/talk-*-7f.jsonl", "notes/none"];
      const TALK = '{"said":"hello"}\n{"said":"wörld"}\n';
      const working: readonly AgentStep[] = [
        { do: "commit" },
        { do: "leave" },
        { do: "remember", file: FILE, text: TALK },
        { do: "print-left" },
        { do: "write", stream: "stdout", text: "ready\n" },
        { do: "wait-for-end" },
      ];
      const start = async () => {
        const { name } = await prepare(working);
        const execution = await executor.start(name, {});
        await readUntil(execution, "ready\n");
        return { name, execution };
      };
      const snapshot = async (name: AttemptSpec["name"], maxBytes = 1_000_000) =>
        executor.snapshot(name, {
          sessionFiles: FILES,
          toDir: await mkdtemp(join(toDir, "snapshot-")),
          maxBytes,
          signal: new AbortController().signal,
        });

      it("of a running attempt has its session, commits and what is uncommitted; the agent goes on", async () => {
        const { name, execution } = await start();
        const taken = await snapshot(name);
        expect(taken?.session.map(({ path }) => path)).toEqual([FILE]);
        expect(Buffer.from(taken?.session[0]?.bytes ?? []).toString()).toBe(TALK);
        expect((await readFile(taken?.bundlePath ?? "")).length).toBeGreaterThan(0);
        expect((await readFile(taken?.patchPath ?? "")).length).toBeGreaterThan(0);
        expect(taken?.commit).toMatch(/^[0-9a-f]{40}$/);
        await execution.signal("TERM");
        expect(await execution.exit).toMatchObject({ kind: "agent", signal: "SIGTERM" });
        const harvested = await executor.harvest(
          name,
          await mkdtemp(join(toDir, "harvest-")),
          1_000_000,
          FILES,
        );
        expect(harvested.session).toEqual(taken?.session);
        expect(await readFile(harvested.patchPath ?? "")).toEqual(
          await readFile(taken?.patchPath ?? ""),
        );
      });

      it("is none of a container that does not run", async () => {
        expect(await snapshot((await prepare([])).name)).toBeUndefined();
        expect(await snapshot((await run([])).name)).toBeUndefined();
        expect(await snapshot({ ...(await prepare([])).name, attempt: 997 })).toBeUndefined();
      });

      it("is what another attempt begins with", async () => {
        const before = await start();
        const { commit, bundlePath, patchPath, session } = (await snapshot(before.name)) ?? {};
        if (bundlePath === undefined || patchPath === undefined || session === undefined) {
          throw new Error("the snapshot is not whole");
        }
        await before.execution.signal("KILL");
        const bytes = await readFile(bundlePath);
        const { sha256: base } = harness.pack.spec;
        const spec = { sha256: sha256Of(bytes), bytes: bytes.length, parents: [base], shallow: [] };
        await executor.storePack(spec, bundlePath);
        const { workspace } = harness.attempt([]);
        const { output, name } = await run(
          [{ do: "print-remembered", file: FILE }, { do: "print-left" }],
          {
            workspace: {
              ...workspace,
              commit: commit ?? "",
              packs: [spec.sha256, ...workspace.packs],
            },
            base: workspace.commit,
            restored: { patchPath, session },
          },
        );
        const left = output.stdout.toString().slice(TALK.length);
        expect(output.stdout.toString()).toBe(`${TALK}${left}`);
        expect(left).not.toBe("");
        expect(output.stderr.toString()).toBe("");
        const found = await harvest(name);
        expect((await readFile(found.patchPath ?? "")).length).toBeGreaterThan(0);
      });

      it("whose patch does not fit is refused", async () => {
        const patchPath = join(toDir, "unfitting.patch");
        await writeFile(patchPath, "does not fit");
        const spec = harness.attempt([], { restored: { patchPath, session: [] } });
        specs.push(spec);
        await expect(executor.prepare(spec)).rejects.toMatchObject({ code: "session_lost" });
      });
    });

    it("adopts nothing that is not there or was not started", async () => {
      const from = { stdout: 0, stderr: 0 };
      const { name } = await prepare([]);
      await expect(executor.adopt(name, from)).rejects.toMatchObject({ code: "runner_lost" });
      const gone = { ...name, attempt: 999 };
      await expect(executor.adopt(gone, from)).rejects.toMatchObject({ code: "runner_lost" });
    });

    it("lists, measures, removes and reaps by name", async () => {
      const created = await prepare([]);
      await executor.prepare(created);
      const running = await prepare([
        { do: "write", stream: "stdout", text: "ready\n" },
        { do: "wait-for-end" },
      ]);
      const execution = await executor.start(running.name, {});
      await readUntil(execution, "ready\n");
      const { name: exited } = await run([]);
      const states = new Map(
        (await executor.list()).map(({ name, state }) => [name.attempt, state]),
      );
      expect(states.get(created.name.attempt)).toBe("created");
      expect(states.get(running.name.attempt)).toBe("running");
      expect(states.get(exited.attempt)).toBe("exited");

      const unknown = { ...exited, attempt: 998 };
      const [bytes, none] = await executor.diskBytes([running.name, unknown]);
      expect(bytes).toBeGreaterThanOrEqual(0);
      expect(none).toBeUndefined();

      await executor.remove(created.name);
      await executor.remove(created.name);
      const kept = [running.name, exited];
      expect(await executor.leftovers(kept)).toEqual([]);
      expect(await executor.leftovers([running.name])).toContainEqual({
        kind: "container",
        name: expect.stringContaining(exited.instanceId),
      });
      await executor.reap([running.name]);
      expect(await executor.leftovers([running.name])).toEqual([]);
      expect((await executor.list()).map(({ name }) => name)).toEqual([running.name]);
      await executor.remove(running.name);
      expect(await executor.list()).toEqual([]);
      expect(await executor.hasPack(harness.pack.spec.sha256)).toBe(true);
    });
  });
}

export async function packFile(dir: string, bytes: Uint8Array): Promise<ExecutorHarness["pack"]> {
  const sha256 = sha256Of(bytes);
  const path = join(dir, `${sha256}.bundle`);
  await writeFile(path, bytes);
  return { path, spec: { sha256, bytes: bytes.length, parents: [], shallow: [] } };
}
