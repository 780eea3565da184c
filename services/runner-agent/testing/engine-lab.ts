import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DockerExecutorOptions, dockerExecutor } from "../adapters/docker/docker-executor.ts";
import { connectEngine, type Engine } from "../adapters/docker/engine.ts";
import { LABEL, type Naming, naming } from "../adapters/docker/names.ts";
import { collect, sha256Of } from "../ports/executor.contract.ts";
import type {
  AttemptSpec,
  ContainerExit,
  Executor,
  Harvest,
  PackSpec,
  WorkspaceSpec,
} from "../ports/executor.port.ts";

export const AGENTS_IMAGE = "pitaya-agents:latest";

/** A repository to take bases from, outside of any container. */
export interface SourceRepository {
  readonly dir: string;
  git(...args: string[]): string;
  write(file: string, content: string | Uint8Array, mode?: number): Promise<void>;
  commit(message: string): string;
  /** Bundles a branch, without what `parents` hold. */
  bundle(
    branch: string,
    parents?: readonly { readonly pack: PackSpec; readonly tip: string }[],
  ): Promise<{ pack: PackSpec; path: string; tip: string }>;
}

/** A docker executor of its own, under a runner id nobody else has, and what is left of it. */
export interface EngineLab {
  readonly executor: Executor;
  readonly engine: Engine;
  readonly naming: Naming;
  readonly dir: string;
  readonly source: SourceRepository;
  /** A small base that is stored. */
  readonly base: { readonly pack: PackSpec; readonly path: string; readonly tip: string };
  /** A spec for `sh -c script` on the base, under a fresh name. */
  attempt(script: string, change?: Partial<AttemptSpec>): AttemptSpec;
  workspace(change?: Partial<WorkspaceSpec>): WorkspaceSpec;
  /** Prepares, starts, reads to the end, harvests. */
  run(
    spec: AttemptSpec,
    secrets?: Record<string, string>,
  ): Promise<{ stdout: Buffer; stderr: Buffer; exit: ContainerExit; harvest: Harvest }>;
  harvest(spec: AttemptSpec, maxBytes?: number): Promise<Harvest>;
  /** Fetches a harvested bundle into the source repository; returns its commit. */
  fetch(harvest: Harvest): string;
  /** Names of all that carries the runner's label. */
  leftovers(): Promise<string[]>;
  /** Removes everything of this runner; resolves to what was left in spite of it. */
  close(): Promise<string[]>;
}

export async function sourceRepository(dir: string): Promise<SourceRepository> {
  const git = (...args: string[]) =>
    execFileSync(
      "git",
      ["-C", dir, "-c", "user.name=U", "-c", "user.email=u@example.com", ...args],
      {
        encoding: "utf8",
        env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
        maxBuffer: 64 * 1024 * 1024,
        stdio: ["ignore", "pipe", "pipe"],
      },
    ).trim();
  git("init", "-q", "-b", "main");
  return {
    dir,
    git,
    write: (file, content, mode) =>
      writeFile(join(dir, file), content, mode === undefined ? {} : { mode }),
    commit: (message) => {
      git("add", "-A");
      git("commit", "-q", "-m", message);
      return git("rev-parse", "HEAD");
    },
    bundle: async (branch, parents = []) => {
      const path = join(dir, `../${randomBytes(6).toString("hex")}.bundle`);
      git("bundle", "create", "-q", path, branch, ...parents.map(({ tip }) => `^${tip}`));
      const bytes = await readFile(path);
      const pack: PackSpec = {
        sha256: sha256Of(bytes),
        bytes: bytes.length,
        parents: parents.flatMap((parent) => [parent.pack.sha256, ...parent.pack.parents]),
        shallow: [],
      };
      return { pack, path, tip: git("rev-parse", branch) };
    },
  };
}

export async function engineLab(options: Partial<DockerExecutorOptions> = {}): Promise<EngineLab> {
  const runnerId = options.runnerId ?? `test-${randomBytes(4).toString("hex")}`;
  const names = naming(runnerId);
  const engine = connectEngine(options.engine);
  const dir = await mkdtemp(join(tmpdir(), "engine-lab-"));
  execFileSync("mkdir", [join(dir, "source")]);
  const source = await sourceRepository(join(dir, "source"));
  await source.write("README", "hello\n");
  source.commit("first");
  const executor = await dockerExecutor({
    helperImage: AGENTS_IMAGE,
    bus: [],
    ...options,
    runnerId,
  });
  const close = async () => {
    await executor.reap([]);
    await executor.close();
    // What a runner keeps for its next start: packs, checkouts, the wrapper.
    const { Volumes } = await engine.listVolumes({
      filters: { label: [`${LABEL.runner}=${runnerId}`] },
    });
    for (const { Name } of Volumes ?? []) await engine.getVolume(Name).remove();
    await rm(dir, { recursive: true, force: true });
    return leftovers();
  };
  const base = await source.bundle("main");
  let attempts = 0;
  let imageId = "";

  const workspace = (change: Partial<WorkspaceSpec> = {}): WorkspaceSpec => ({
    objectFormat: "sha1",
    commit: base.tip,
    branch: "main",
    includes: [],
    packs: [base.pack.sha256],
    shallow: [],
    author: { name: "Pitaya Agent", email: "agent@pitaya.local" },
    ...change,
  });
  const leftovers = async (): Promise<string[]> => {
    const filters = { label: [`${LABEL.runner}=${runnerId}`] };
    const [containers, volumes, networks] = await Promise.all([
      engine.listContainers({ all: true, filters }),
      engine.listVolumes({ filters }),
      engine.listNetworks({ filters }),
    ]);
    return [
      ...containers.map(({ Names }) => `container ${Names[0]}`),
      ...(volumes.Volumes ?? []).map(({ Name }) => `volume ${Name}`),
      ...networks.map(({ Name }) => `network ${Name}`),
    ];
  };
  const harvest: EngineLab["harvest"] = async (spec, maxBytes = 50_000_000) =>
    executor.harvest(spec.name, await mkdtemp(join(dir, "harvest-")), maxBytes);

  await executor.open();
  try {
    await executor.storePack(base.pack, base.path);
    ({ imageId } = await executor.resolveImage(AGENTS_IMAGE, "sh"));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    executor,
    engine,
    naming: names,
    dir,
    source,
    base,
    workspace,
    attempt: (script, change) => {
      attempts += 1;
      return {
        name: {
          runId: "run_20260101_000000_0a0b0c0d",
          instanceId: "00112233aabbccdd",
          attempt: attempts,
        },
        imageId,
        workspace: workspace(),
        readOnly: false,
        argv: ["sh", "-c", script],
        env: {},
        limits: {
          cpus: 2,
          memoryBytes: 512 * 1024 ** 2,
          pids: 100,
          openFiles: 1_024,
          fileBytes: 1024 ** 3,
          diskBytes: 1024 ** 3,
        },
        network: "offline",
        forceCommit: false,
        killGraceMs: 2_000,
        harvestTimeoutMs: 20_000,
        ...change,
      };
    },
    run: async (spec, secrets = {}) => {
      await executor.prepare(spec);
      const execution = await executor.start(spec.name, secrets);
      const { stdout, stderr } = await collect(execution);
      return { stdout, stderr, exit: await execution.exit, harvest: await harvest(spec) };
    },
    harvest,
    fetch: ({ bundlePath }) => {
      if (bundlePath === undefined) throw new Error("there is no bundle");
      source.git("fetch", "-q", bundlePath, "+refs/pitaya/result:refs/harvested");
      return source.git("rev-parse", "refs/harvested");
    },
    leftovers,
    close,
  };
}
