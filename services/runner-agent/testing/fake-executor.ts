import { readFile, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "@pitaya/actors";
import { PitayaError } from "@pitaya/protocol";
import { isSessionPath } from "../domain/session-paths.rules.ts";
import type {
  AttemptName,
  AttemptSpec,
  ContainerExit,
  Execution,
  Executor,
  LiveAttempt,
  OutputChunk,
  PackSpec,
  SessionFile,
} from "../ports/executor.port.ts";

type Stream = OutputChunk["stream"];

/** What a scripted agent can do. */
export interface FakeAgent {
  readonly spec: AttemptSpec;
  /** The attempt's environment with its secrets. */
  readonly env: Readonly<Record<string, string>>;
  write(stream: Stream, bytes: string | Uint8Array): void;
  /** Commits; the harvest then holds these bytes as a bundle. */
  commit(bundle?: string | Uint8Array): void;
  /** Leaves something uncommitted; the harvest then holds these bytes as a patch. */
  leave(patch?: string | Uint8Array): void;
  /** Writes a file of its session. */
  remember(path: string, text: string): void;
  /** What it finds of its session, and of what was left uncommitted: its own or an earlier attempt's. */
  readonly session: ReadonlyMap<string, Uint8Array>;
  readonly left: Uint8Array | undefined;
  /** Grows what {@link Executor.diskBytes} says. */
  fill(bytes: number): void;
  /** From now on TERM does not end it. */
  ignoreTerm(): void;
  /** Resolves when TERM arrives. */
  readonly terminated: Promise<void>;
}

/** Plays an agent to its end, which is its exit code. A TERM it does not ignore ends it earlier. */
export type FakeScript = (agent: FakeAgent) => Promise<number>;

export interface FakeExecutorOptions {
  readonly script: FakeScript;
  /** Image references that exist, with the programs each holds; by default every one with any. */
  readonly images?: Readonly<Record<string, readonly string[]>>;
  readonly clock?: Clock;
  /** Where the paths of harvests, snapshots and patches lie; by default in the file system. */
  readonly files?: FakeFiles;
}

export interface FakeFiles {
  read(path: string): Promise<Uint8Array>;
  write(path: string, bytes: Uint8Array): Promise<void>;
}

const fileSystem: FakeFiles = { read: readFile, write: writeFile };

export interface FakeExecutor extends Executor {
  /** Calls that changed something, as `verb run/instance/attempt`, in order. */
  readonly calls: readonly string[];
}

interface Attempt {
  readonly spec: AttemptSpec;
  state: LiveAttempt["state"];
  /** What waits for it to go on. Only while it is paused. */
  readonly held: (() => void)[];
  readonly written: OutputChunk[];
  readonly length: Record<Stream, number>;
  readonly changed: Set<() => void>;
  readonly ended: PromiseWithResolvers<ContainerExit>;
  bundle?: Uint8Array;
  patch?: Uint8Array;
  readonly session: Map<string, Uint8Array>;
  disk: number;
  term: () => void;
  kill: () => void;
}

/** {@link Executor} without containers: scripted agents in memory. Passes `executor.contract.ts`. */
export function fakeExecutor(options: FakeExecutorOptions): FakeExecutor {
  const packs = new Map<string, PackSpec>();
  const attempts = new Map<string, Attempt>();
  const calls: string[] = [];
  const { script, clock = systemClock, files = fileSystem } = options;

  const keyOf = (name: AttemptName) => `${name.runId}/${name.instanceId}/${name.attempt}`;
  const find = (name: AttemptName): Attempt => {
    const found = attempts.get(keyOf(name));
    if (found === undefined) {
      throw new PitayaError("engine_unavailable", `There is no attempt ${keyOf(name)}.`);
    }
    return found;
  };

  return {
    calls,
    open: async () => ({ engineVersion: "fake", cpus: 4, memoryBytes: 8 * 1024 ** 3 }),
    resolveImage: async (reference, program) => {
      const programs = options.images?.[reference];
      if (options.images !== undefined && programs === undefined) {
        throw new PitayaError("image_missing", `The engine has no image ${reference}.`);
      }
      if (programs !== undefined && !programs.includes(program)) {
        throw new PitayaError("image_unusable", `The image ${reference} lacks: ${program}.`);
      }
      return { imageId: `sha256:${reference}` };
    },
    openGateway: async () => {},
    hasPack: async (sha256) => packs.has(sha256),
    storePack: async (pack) => {
      packs.set(pack.sha256, pack);
    },
    prepare: async (spec) => {
      const key = keyOf(spec.name);
      for (const sha256 of spec.workspace.packs) {
        if (!packs.has(sha256)) {
          throw new PitayaError("blob_missing", `The pack ${sha256} is not stored on this runner.`);
        }
      }
      if (attempts.has(key)) return;
      calls.push(`prepare ${key}`);
      const { patchPath, session = [] } = spec.restored ?? {};
      const patch = patchPath === undefined ? undefined : await files.read(patchPath);
      if (patch && Buffer.from(patch).toString() === UNFITTING_PATCH) {
        throw new PitayaError("session_lost", "The snapshot's patch does not apply.");
      }
      attempts.set(key, {
        spec,
        ...(patch && { patch }),
        session: new Map(session.map(({ path, bytes }) => [path, bytes])),
        state: "created",
        held: [],
        written: [],
        length: { stdout: 0, stderr: 0 },
        changed: new Set(),
        ended: Promise.withResolvers(),
        disk: 0,
        term: () => {},
        kill: () => {},
      });
    },
    start: async (name, secrets) => {
      const attempt = find(name);
      calls.push(`start ${keyOf(name)}`);
      attempt.state = "running";
      void play(attempt, script, secrets, clock);
      return execution(attempt, { stdout: 0, stderr: 0 });
    },
    adopt: async (name, from) => {
      const attempt = attempts.get(keyOf(name));
      if (attempt === undefined || attempt.state === "created") {
        throw new PitayaError("runner_lost", `The container of ${keyOf(name)} is not there.`);
      }
      calls.push(`adopt ${keyOf(name)}`);
      return execution(attempt, from);
    },
    pause: async (name) => {
      const attempt = attempts.get(keyOf(name));
      if (attempt?.state !== "running") return;
      calls.push(`pause ${keyOf(name)}`);
      attempt.state = "paused";
    },
    unpause: async (name) => {
      const attempt = attempts.get(keyOf(name));
      if (attempt?.state !== "paused") return;
      calls.push(`unpause ${keyOf(name)}`);
      attempt.state = "running";
      for (const deed of attempt.held.splice(0)) deed();
    },
    harvest: async (name, toDir, maxBytes, sessionFiles = []) => {
      const { spec, session, ...work } = find(name);
      const { bundle, patch } = spec.readOnly || spec.discards ? {} : work;
      const isForced = spec.forceCommit && patch !== undefined;
      const commits = isForced ? (bundle ?? new Uint8Array([1])) : bundle;
      const left = isForced ? undefined : patch;
      if (commits !== undefined && commits.length > maxBytes) {
        throw new PitayaError("bundle_rejected", `The agent's commits are over ${maxBytes} bytes.`);
      }
      return {
        forcedCommit: isForced,
        ...(commits ? {} : { head: spec.base ?? spec.workspace.commit }),
        ...(await saveWork(files, toDir, commits, left)),
        session: pick(session, sessionFiles),
      };
    },
    snapshot: async (name, { sessionFiles, toDir }) => {
      const attempt = attempts.get(keyOf(name));
      if (attempt?.state !== "running") return undefined;
      calls.push(`snapshot ${keyOf(name)}`);
      const { spec, bundle, patch, session } = attempt;
      return {
        commit: spec.base ?? spec.workspace.commit,
        ...(await saveWork(files, toDir, bundle, patch)),
        session: pick(session, sessionFiles),
      };
    },
    diskBytes: async (names) => names.map((name) => attempts.get(keyOf(name))?.disk),
    remove: async (name) => {
      const attempt = attempts.get(keyOf(name));
      if (attempt === undefined) return;
      calls.push(`remove ${keyOf(name)}`);
      attempt.kill();
      attempts.delete(keyOf(name));
    },
    list: async () => [...attempts.values()].map(({ spec, state }) => ({ name: spec.name, state })),
    leftovers: async (keep) => {
      const kept = new Set(keep.map(keyOf));
      const left = [...attempts.keys()].filter((key) => !kept.has(key));
      return left.map((name) => ({ kind: "container", name }));
    },
    reap: async (keep) => {
      const kept = new Set(keep.map(keyOf));
      for (const [key, attempt] of attempts) {
        if (kept.has(key)) continue;
        attempt.kill();
        attempts.delete(key);
      }
    },
    close: async () => {},
  };
}

/** A patch that does not fit any workspace. */
export const UNFITTING_PATCH = "does not fit";

async function saveWork(
  files: FakeFiles,
  toDir: string,
  bundle: Uint8Array | undefined,
  patch: Uint8Array | undefined,
): Promise<{ readonly bundlePath?: string; readonly patchPath?: string }> {
  const bundlePath = join(toDir, "bundle");
  const patchPath = join(toDir, "patch");
  if (bundle) await files.write(bundlePath, bundle);
  if (patch) await files.write(patchPath, patch);
  return { ...(bundle && { bundlePath }), ...(patch && { patchPath }) };
}

const pick = (
  session: ReadonlyMap<string, Uint8Array>,
  wanted: readonly string[],
): readonly SessionFile[] =>
  [...session]
    .filter(([path]) => isSessionPath(path, wanted))
    .map(([path, bytes]) => ({ path, bytes }));

async function play(
  attempt: Attempt,
  script: FakeScript,
  secrets: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<void> {
  const { spec } = attempt;
  const terminated = Promise.withResolvers<void>();
  const cut = Promise.withResolvers<ContainerExit>();
  const byAgent = (exitCode: number): ContainerExit => {
    const signal = Object.entries(constants.signals).find(([, n]) => n === exitCode - 128)?.[0];
    return { kind: "agent", exitCode, ...(signal && { signal }), oomKilled: false };
  };
  let ignoresTerm = false;
  const onceItGoesOn = (deed: () => void) => {
    if (attempt.state === "paused") attempt.held.push(deed);
    else deed();
  };
  attempt.term = () => {
    onceItGoesOn(() => {
      terminated.resolve();
      if (!ignoresTerm) cut.resolve(byAgent(143));
      else clock.setTimer(spec.killGraceMs, () => cut.resolve(byAgent(137)));
    });
  };
  attempt.kill = () => cut.resolve({ kind: "container", exitCode: 137, oomKilled: false });

  const bytesOf = (bytes: string | Uint8Array) =>
    typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  const agent: FakeAgent = {
    spec,
    env: { ...spec.env, ...secrets },
    write: (stream, text) => {
      onceItGoesOn(() => {
        if (attempt.state !== "running") return;
        const bytes = bytesOf(text);
        attempt.written.push({ stream, bytes, offset: attempt.length[stream] });
        attempt.length[stream] += bytes.length;
        for (const wake of attempt.changed) wake();
      });
    },
    commit: (bundle = "fake bundle") => {
      attempt.bundle = bytesOf(bundle);
    },
    leave: (patch = "fake patch") => {
      attempt.patch = bytesOf(patch);
    },
    remember: (path, text) => {
      attempt.session.set(path, bytesOf(text));
    },
    session: attempt.session,
    get left() {
      return attempt.patch;
    },
    fill: (bytes) => {
      attempt.disk += bytes;
    },
    ignoreTerm: () => {
      ignoresTerm = true;
    },
    terminated: terminated.promise,
  };
  const itself = script(agent).then(
    (code) => new Promise<ContainerExit>((end) => onceItGoesOn(() => end(byAgent(code)))),
  );
  const exit = await Promise.race([itself, cut.promise]);
  attempt.state = "exited";
  attempt.ended.resolve(exit);
  for (const wake of attempt.changed) wake();
}

function execution(attempt: Attempt, from: Readonly<Record<Stream, number>>): Execution {
  let isDetached = false;
  const position = { ...from };

  async function* output(): AsyncGenerator<OutputChunk> {
    let next = 0;
    while (!isDetached) {
      const chunk = attempt.written[next];
      if (chunk !== undefined) {
        next += 1;
        const bytes = chunk.bytes.subarray(Math.max(position[chunk.stream] - chunk.offset, 0));
        if (bytes.length === 0) continue;
        yield { stream: chunk.stream, bytes, offset: position[chunk.stream] };
        position[chunk.stream] += bytes.length;
      } else if (attempt.state === "exited") {
        return;
      } else {
        const { promise, resolve } = Promise.withResolvers<void>();
        attempt.changed.add(resolve);
        await promise;
        attempt.changed.delete(resolve);
      }
    }
  }

  return {
    output: output(),
    exit: attempt.ended.promise.then((exit) => (isDetached ? new Promise<never>(() => {}) : exit)),
    signal: async (signal) => (signal === "TERM" ? attempt.term() : attempt.kill()),
    detach: () => {
      isDetached = true;
      for (const wake of attempt.changed) wake();
    },
  };
}
