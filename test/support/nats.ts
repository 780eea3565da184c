import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authorizationConfig, type Credential, generateUser } from "@pitaya/bus";
import type { Role } from "@pitaya/protocol";
import { natsContainerAvailable, startNatsContainer } from "./nats-container.ts";
import { spawnNats } from "./nats-process.ts";

export interface NatsUser {
  readonly role: Role;
  readonly id: string;
}

export interface NatsOptions {
  /** With users, each may do what its role says; without, everybody may do everything. */
  readonly users?: readonly NatsUser[];
  /** Most bytes JetStream may take on disk. */
  readonly maxStoreBytes?: number;
}

export interface TestNats {
  readonly url: string;
  /** What the user with this id connects with. */
  user(id: string): Credential;
  stop(): Promise<void>;
}

export interface TestNatsProcess extends TestNats {
  readonly pid: () => number;
  /** Where JetStream keeps its files. */
  readonly storeDir: string;
  /** Ends it without warning, as a crash would. */
  kill9(): Promise<void>;
  shutDown(): Promise<void>;
  /** Starts it again on the same port and files. */
  start(): Promise<void>;
}

/** A nats-server in a container where an engine and the image are there, otherwise as a process. */
export async function startNats(options: NatsOptions = {}): Promise<TestNats> {
  return (await natsContainerAvailable()) ? inContainer(options) : startNatsProcess(options);
}

async function inContainer(options: NatsOptions): Promise<TestNats> {
  const { credentials, authorization } = authOf(options);
  const container = await startNatsContainer(
    `listen: "0.0.0.0:4222"\njetstream { store_dir: "/tmp/nats" }\n${authorization}`,
  );
  return { url: container.url, user: userAmong(credentials), stop: container.stop };
}

/** A nats-server as a process, for tests that kill it or look at its files. */
export async function startNatsProcess(options: NatsOptions = {}): Promise<TestNatsProcess> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-nats-"));
  const { credentials, authorization } = authOf(options);
  const storeDir = join(dir, "store");
  const configFile = join(dir, "nats-server.conf");
  const limit =
    options.maxStoreBytes === undefined ? "" : `, max_file_store: ${options.maxStoreBytes}`;
  await writeFile(configFile, `jetstream { store_dir: "${storeDir}"${limit} }\n${authorization}`);
  const args = ["-c", configFile];
  let server = await spawnNats(args, 0);
  const { port } = server;
  return {
    url: `nats://127.0.0.1:${port}`,
    user: userAmong(credentials),
    pid: () => server.pid,
    storeDir,
    kill9: () => server.kill("SIGKILL"),
    shutDown: () => server.kill("SIGTERM"),
    async start() {
      server = await spawnNats(args, port);
    },
    async stop() {
      await server.kill("SIGTERM");
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function authOf({ users = [] }: NatsOptions) {
  const credentials = users.map(({ role, id }) => generateUser(role, id));
  return {
    credentials,
    authorization: users.length === 0 ? "" : authorizationConfig(credentials),
  };
}

const userAmong = (credentials: readonly Credential[]) => (id: string) => {
  const found = credentials.find((credential) => credential.id === id);
  if (found === undefined) throw new Error(`the server has no user ${id}`);
  return found;
};
