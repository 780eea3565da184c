import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MemoryBroker, memoryBroker } from "@pitaya/bus/testing";
import { afterEach, beforeEach } from "vitest";
import { type MemoryConnection, memoryConnection } from "./memory-connection.ts";
import { type StandInCoordinator, standInCoordinator } from "./stand-in-coordinator.ts";
import { startPitaya, type TestHost, type TestHostOptions } from "./test-host.ts";
import { type UserRepository, userRepository } from "./user-repository.ts";

/** One test's world: a store, a coordinator that does what the test says, a user's repository. */
export interface Stage {
  readonly broker: MemoryBroker;
  readonly coordinator: StandInCoordinator;
  readonly repository: UserRepository;
  /** The connection of the command started last. */
  readonly connection: MemoryConnection;
  start(argv: readonly string[], options?: Partial<TestHostOptions>): TestHost;
  /** Starts a command and waits for its end. */
  pitaya(
    argv: readonly string[],
    options?: Partial<TestHostOptions>,
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** A file under `.pitaya/`; `undefined` where there is none. */
  file(...path: readonly string[]): string | undefined;
}

/** Sets a stage before each test and takes it away after it. */
export function useStage(): Stage {
  let broker: MemoryBroker;
  let coordinator: StandInCoordinator;
  let repository: UserRepository;
  let connection: MemoryConnection | undefined;
  let scratch: string;

  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), "pitaya-test-scratch-"));
    broker = memoryBroker();
    coordinator = await standInCoordinator(broker);
    repository = userRepository();
  });
  afterEach(async () => {
    await coordinator.leave();
    repository.remove();
    const left = readdirSync(scratch);
    rmSync(scratch, { recursive: true, maxRetries: 5 });
    if (left.length > 0) throw new Error(`temporary files are left: ${left.join(", ")}`);
  });

  const start: Stage["start"] = (argv, options = {}) =>
    startPitaya({
      argv,
      cwd: repository.path,
      tmpdir: scratch,
      connection: async () => {
        connection = memoryConnection(broker);
        return connection;
      },
      ...options,
    });

  return {
    get broker() {
      return broker;
    },
    get coordinator() {
      return coordinator;
    },
    get repository() {
      return repository;
    },
    get connection() {
      if (!connection) throw new Error("no command has connected yet");
      return connection;
    },
    start,
    async pitaya(argv, options) {
      const host = start(argv, options);
      const code = await host.ended;
      return { code, stdout: host.stdout.text, stderr: host.stderr.text };
    },
    file(...path) {
      const name = join(repository.path, ".pitaya", ...path);
      return existsSync(name) ? readFileSync(name, "utf8") : undefined;
    },
  };
}
