import type { Duplex } from "node:stream";

/** Where an agent's container finds the runner's gateway, if it has one. */
export const GATEWAY = { host: "gateway.pitaya.internal", port: 21_128 } as const;

/** Names one attempt; also the labels of everything made for it on the engine. */
export interface AttemptName {
  readonly runId: string;
  readonly instanceId: string;
  readonly attempt: number;
}

/** A bundle as this runner keeps it, named by its content. */
export interface PackSpec {
  readonly sha256: string;
  readonly bytes: number;
  /** All packs this one builds on, nearest first: a thin bundle's objects refer to theirs. */
  readonly parents: readonly string[];
  /** Commits whose parents are not in the bundle, from a shallow clone. Written before fetching. */
  readonly shallow: readonly string[];
}

export interface WorkspaceSpec {
  readonly objectFormat: "sha1" | "sha256";
  /** The commit checked out. */
  readonly commit: string;
  /** Local branch that is checked out there. */
  readonly branch: string;
  /** Further local branches, of the included bundles. */
  readonly includes: readonly { readonly branch: string; readonly commit: string }[];
  /** Exactly the packs whose objects the workspace sees, parents included. */
  readonly packs: readonly string[];
  /** Commits recorded as shallow in the workspace. */
  readonly shallow: readonly string[];
  readonly author: { readonly name: string; readonly email: string };
}

/** A file of an agent's session, by its path below the agent's home. */
export interface SessionFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Most bytes of all files of a session. */
export const MAX_SESSION_BYTES = 32 * 1024 ** 2;

/** What an earlier attempt left, laid over the fresh workspace and home before the agent starts. */
export interface Restored {
  /** Binary patch onto the workspace's commit, as a file on this host. It stays uncommitted. */
  readonly patchPath?: string;
  readonly session: readonly SessionFile[];
}

/** A file of ours for the workspace, by its path below it; nothing of `.git`. */
export interface PlacedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
}

export interface AttemptLimits {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pids: number;
  readonly openFiles: number;
  readonly fileBytes: number;
  readonly diskBytes: number;
}

export interface AttemptSpec {
  readonly name: AttemptName;
  /** Image id as resolved by {@link Executor.resolveImage}. */
  readonly imageId: string;
  readonly workspace: WorkspaceSpec;
  /** Where the harvest's bundle begins, if not at the workspace's own commit. In its packs. */
  readonly base?: string;
  readonly restored?: Restored;
  /** The agent cannot change its workspace. Nothing of it is harvested. */
  readonly readOnly: boolean;
  /** Nothing of the workspace is harvested, though it can be changed. */
  readonly discards?: boolean;
  /** Put into the workspace before the start, each instead of whatever stands at its path. */
  readonly files?: readonly PlacedFile[];
  /** Argument vector. No shell splits or expands it. */
  readonly argv: readonly string[];
  /** Not secret: the engine stores it. */
  readonly env: Readonly<Record<string, string>>;
  /** For the agent's stdin; empty stdin without it. Not secret. */
  readonly stdin?: string;
  /** Texts by bare names, in a directory that the agent can only read (`agentFile`). Not secret. */
  readonly inputs?: Readonly<Record<string, string>>;
  readonly limits: AttemptLimits;
  /** `proxy`: the gateway, and nothing else. */
  readonly network: "online" | "offline" | "proxy";
  /** The gateway as well, where the network does not say so already. Not for `offline`. */
  readonly usesGateway?: boolean;
  /** A host address and port the agent must reach though it is this host's own (a local model server). */
  readonly openHostEndpoint?: { readonly host: string; readonly port: number };
  /** Commit what the agent left uncommitted, hooks off, as a last step. */
  readonly forceCommit: boolean;
  /** Where the wrapper stops waiting: after TERM the agent gets this long before KILL. */
  readonly killGraceMs: number;
  readonly harvestTimeoutMs: number;
}

export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
  /** Position of the first byte in its stream since the agent started. */
  readonly offset: number;
}

/** A range that was written by the agent and can no longer be had. */
export interface OutputGap {
  readonly stream: "stdout" | "stderr";
  readonly fromOffset: number;
  /** Absent where nobody knows how much, if anything: the container was adopted and left no report. */
  readonly toOffset?: number;
}

export type ContainerExit =
  /**
   * The agent ended by itself or by a signal; harvest ran. From the wrapper's report: the agent's
   * word. Codes are a shell's: above 128 they are read as a signal's number, which is then named.
   * `oomKilled` is the engine's: something in the container, not always the agent, was killed for
   * memory.
   */
  | {
      readonly kind: "agent";
      readonly exitCode: number;
      readonly signal?: string;
      readonly oomKilled: boolean;
      /** The engine saw the container end with this code instead: the report may not be the wrapper's. */
      readonly containerCode?: number;
    }
  /** The container ended without a report: killed from outside, or the agent killed the wrapper. */
  | { readonly kind: "container"; readonly exitCode: number; readonly oomKilled: boolean };

export interface Execution {
  /**
   * Output from the given offsets on, for one reader. Ends when the container has, after the last
   * byte. A slow reader of a started container slows the agent; nothing is collected for it. A slow
   * reader of an adopted one can fall behind what is kept, which shows as gaps.
   */
  readonly output: AsyncIterable<OutputChunk | { readonly gap: OutputGap }>;
  /** Settles once, after the harvest inside. Rejects only on a fault of the engine itself. */
  readonly exit: Promise<ContainerExit>;
  /**
   * TERM: the wrapper ends the agent, with KILL after `killGraceMs`, then harvests; sent again, it
   * changes nothing. A container that has not ended `killGraceMs + harvestTimeoutMs` later is to be
   * sent KILL: it ends at once, without harvest, and {@link Executor.harvest} does that afterwards.
   * To an ended container: nothing.
   */
  signal(signal: "TERM" | "KILL"): Promise<void>;
  /**
   * Stops listening; the container goes on. `output` ends, `exit` never settles. For a runner-agent
   * that shuts down and adopts later.
   */
  detach(): void;
}

/** What the harvest left, as files copied out with a byte limit each. All of it is the agent's word. */
export interface Harvest {
  /** Where HEAD stands; absent when the harvest could not tell. */
  readonly head?: string;
  /** `git bundle` of base..HEAD as a file on this host; absent when HEAD is the base. */
  readonly bundlePath?: string;
  /** Binary patch of what is uncommitted, untracked files included; absent when clean. */
  readonly patchPath?: string;
  readonly forcedCommit: boolean;
  /** Of the session files asked for, those that are there; none where they are over the limit. */
  readonly session: readonly SessionFile[];
  /** What went wrong in the harvest, in the wrapper's words, when something did. */
  readonly trouble?: string;
}

export interface SnapshotOptions {
  /** Paths below the agent's home; `*` in one stands for any part of a name. */
  readonly sessionFiles: readonly string[];
  /** Exists and is empty. */
  readonly toDir: string;
  /** Of bundle and patch each. */
  readonly maxBytes: number;
  /** When it is no longer wanted. */
  readonly signal: AbortSignal;
}

/** Conversation and files of one moment. All of it is the agent's word. */
export interface Snapshot {
  /** Where HEAD stands. */
  readonly commit: string;
  /** As in {@link Harvest}. */
  readonly bundlePath?: string;
  readonly patchPath?: string;
  /** Those that are there. */
  readonly session: readonly SessionFile[];
}

/** Something of this runner on its engine that nobody owns. Packs and checkouts are those not whole. */
export interface Leftover {
  readonly kind: "container" | "volume" | "network" | "pack" | "checkout";
  readonly name: string;
}

export interface LiveAttempt {
  readonly name: AttemptName;
  readonly state: "created" | "running" | "paused" | "exited";
}

/**
 * Runs agents in containers of one Docker engine. The one thing in this service that knows of
 * containers. Everything it makes is named and labelled with run, instance, attempt and runner
 * before it exists, so that {@link Executor.reap} finds it.
 *
 * Implementations: `adapters/docker/docker-executor.ts`, and `testing/fake-executor.ts`, which is
 * scripted; both pass `executor.contract.ts`.
 *
 * Engine faults are `PitayaError` with code `engine_unavailable` (retryable) unless said otherwise.
 */
export interface Executor {
  /** Engine reachable, helper image there, network and rules set, disk known. Called at start. */
  open(): Promise<{
    readonly engineVersion: string;
    readonly cpus: number;
    readonly memoryBytes: number;
  }>;
  /** @throws `image_missing` with how to build or pull it; `image_unusable` (no `program`, no git, no sh) */
  resolveImage(reference: string, program: string): Promise<{ readonly imageId: string }>;
  /**
   * From now on agents reach the gateway: `accept` gets each connection that one of them makes to
   * {@link GATEWAY}. Idempotent; the first `accept` counts. Those made while no runner-agent is there
   * wait for the next one, as long as an attempt's container is there that may make them.
   * @throws `engine_unavailable`, not retryable where the engine's host cannot have it
   */
  openGateway(accept: (connection: Duplex) => void): Promise<void>;
  hasPack(sha256: string): Promise<boolean>;
  /**
   * Stores a bundle, whose digest the caller has checked, as an immutable pack; its parents are
   * stored. Idempotent, also when called twice at once.
   * @throws `git_failed` for one that git refuses (fsck, missing parents), `disk_full`
   */
  storePack(pack: PackSpec, bundlePath: string): Promise<void>;
  /**
   * Makes volumes and container, not started. Idempotent per name.
   * @throws `session_lost` where what is to be restored does not fit the workspace;
   * `engine_unavailable`, not retryable, for a network where the rules that keep agents from this host
   * cannot be set; `task_unsupported` for an open endpoint that is the bus's; `git_failed`
   */
  prepare(spec: AttemptSpec): Promise<void>;
  /**
   * Starts the container and hands it `secrets` (environment of the agent) over its attached stdin.
   * They are in no configuration the engine stores.
   */
  start(name: AttemptName, secrets: Readonly<Record<string, string>>): Promise<Execution>;
  /**
   * Takes up a container that runs or has exited since, reading on from these offsets.
   * @throws `runner_lost` where it is gone or was never started
   */
  adopt(
    name: AttemptName,
    from: { readonly stdout: number; readonly stderr: number },
  ): Promise<Execution>;
  /**
   * Every process of the attempt stands still, wherever it is; to a container that is not running:
   * nothing. KILL still ends it; TERM is to be sent once it goes on. Idempotent.
   */
  pause(name: AttemptName): Promise<void>;
  /** It goes on where it stood. Idempotent; to a container that is not paused, or gone: nothing. */
  unpause(name: AttemptName): Promise<void>;
  /**
   * After exit. `toDir` exists and is empty. Runs the harvest in a second container where the first
   * left none. `sessionFiles` are paths below the agent's home. @throws `harvest_failed`,
   * `bundle_rejected` over `maxBytes`
   */
  harvest(
    name: AttemptName,
    toDir: string,
    maxBytes: number,
    sessionFiles?: readonly string[],
  ): Promise<Harvest>;
  /**
   * Session files and workspace of a running attempt. Its processes stand still while they are
   * taken, and go on whatever comes of it. Undefined where the container is not running, or is
   * paused. @throws `harvest_failed` where it is over a limit or took too long
   */
  snapshot(name: AttemptName, options: SnapshotOptions): Promise<Snapshot | undefined>;
  /**
   * Bytes on disk that each attempt wrote to its workspace and home, in the order of the names. For
   * the disk limit. Undefined where that cannot be told in time.
   */
  diskBytes(names: readonly AttemptName[]): Promise<readonly (number | undefined)[]>;
  /** Container, volumes, all of it; nothing to do is success. */
  remove(name: AttemptName): Promise<void>;
  list(): Promise<readonly LiveAttempt[]>;
  /** What {@link Executor.reap} would remove, and nothing else. */
  leftovers(keep: readonly AttemptName[]): Promise<readonly Leftover[]>;
  /**
   * Removes whatever of this runner no name in `keep` owns: containers, volumes, networks. Packs and
   * checkouts that are whole stay.
   */
  reap(keep: readonly AttemptName[]): Promise<void>;
  /** Leaves attempts that still run as they are, with the network and rules they need. */
  close(): Promise<void>;
}
