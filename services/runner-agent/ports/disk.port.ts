import type { BlobStore } from "@pitaya/bus";
import type { BranchSource, StartCommand } from "@pitaya/protocol";
import type { AttemptRecord } from "../domain/attempt-record.ts";
import type { AttemptName, Executor } from "./executor.port.ts";

/**
 * A runner-agent's own disk: what outlives its process, though not its machine. What one incarnation
 * has written, the next one reads; what it was writing when it died is there whole or not at all.
 *
 * Implementations: `adapters/runner-disk.ts`, and `testing/memory-disk.ts`; both pass
 * `disk.contract.ts`.
 */
export interface RunnerDisk {
  /** Makes the disk usable. Once, before anything else. */
  open(): Promise<void>;
  readonly attempts: AttemptDirectories;
  openEpoch(): Promise<EpochFile>;
  openPacks(options: PackCacheOptions): Promise<PackCache>;
  /**
   * What lies on this disk that no attempt in `keep` owns and that is not being written, by its path
   * there: directories of attempts, and packs that are not whole.
   */
  leftovers(keep: readonly AttemptName[]): Promise<readonly DiskLeftover[]>;
  /** Nothing to do is success. */
  removeLeftover(path: string): Promise<void>;
}

export interface DiskLeftover {
  readonly kind: "directory" | "pack";
  readonly path: string;
}

/** The directories of all attempts of one runner. */
export interface AttemptDirectories {
  /** Makes it, or opens it as it is. */
  create(name: AttemptName): Promise<AttemptDirectory>;
  scan(): Promise<readonly FoundAttempt[]>;
}

/** What an attempt keeps on its runner's own disk. Holds no secret. */
export interface AttemptDirectory {
  writeStart(command: StartCommand): Promise<void>;
  writeRecord(record: AttemptRecord): Promise<void>;
  /** What the attempt is known by at the gateway: made when it is first asked for, and kept. */
  gatewayToken(): Promise<string>;
  /** A new directory for what comes out of the container: an incarnation thought dead may use its own. */
  freshHarvestDir(): Promise<string>;
  removeHarvestDir(path: string): Promise<void>;
  /** Makes a new file in such a directory. */
  write(path: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** The content of a file in such a directory. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** Removes a file in such a directory; nothing to do is success. */
  removeFile(path: string): Promise<void>;
  openJournal(): OutputJournal;
  remove(): Promise<void>;
}

/**
 * An attempt as an earlier incarnation left it. Without both files it had not got as far as the
 * acknowledgement, or the machine went down under it.
 */
export interface FoundAttempt {
  readonly name: AttemptName;
  readonly command?: StartCommand;
  readonly record?: AttemptRecord;
  /** A file that was there and could not be read. */
  readonly trouble?: string;
}

/** A message of agent output, as it is published. */
export interface JournalEntry {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/**
 * What is published of an attempt's output: written before it is published, read after a restart to
 * rebuild what the parser knew. A runner may not read the stream itself, and the stream keeps output
 * for a time only.
 */
export interface OutputJournal {
  /** Everything of earlier incarnations, in order. What was being written when one died is left out. */
  read(): AsyncIterable<JournalEntry>;
  /** Whole or not at all. @throws `disk_full`, after which it may be asked for again */
  append(entry: JournalEntry): Promise<void>;
  close(): Promise<void>;
}

/** The highest epoch of any command this runner has seen, kept over its restarts. */
export interface EpochFile {
  readonly seen: number;
  note(epoch: number): Promise<void>;
}

/**
 * Bundles as this runner keeps them: on the engine, where workspaces see their objects, and on its
 * own disk, where quarantine checks what agents made against them. Each is fetched once, whoever
 * asks and however often.
 */
export interface PackCache {
  /** The engine holds everything a workspace of this base sees. */
  onEngine(base: BranchSource): Promise<void>;
  /** Object directories on this host that together hold this base's history. */
  onHost(base: BranchSource): Promise<readonly string[]>;
  /** Bundles held, by their content. */
  held(): readonly string[];
  /** Names of what is no whole bundle. None while something is being stored. */
  strays(): Promise<readonly string[]>;
  /** Resolves when nothing is being stored. */
  idle(): Promise<void>;
}

export interface PackCacheOptions {
  readonly blobs: Pick<BlobStore, "get">;
  readonly executor: Pick<Executor, "hasPack" | "storePack">;
  /** Aborted when the runner-agent stops. */
  readonly signal: AbortSignal;
  readonly onChange: () => void;
}
