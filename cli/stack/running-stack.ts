import { mkdirSync } from "node:fs";
import type { Logger } from "pino";
import { prepareServer, prepareStreams } from "./bus-setup.ts";
import { keepServer } from "./kept-server.ts";
import type { BusAccess } from "./messages.ts";
import { findNatsServer } from "./nats-binary.ts";
import { endLeftServer, startNats } from "./nats-process.ts";
import type { RunningServices, StackServices } from "./services.port.ts";
import type { StackPaths } from "./stack-paths.ts";
import { watchStore } from "./store-watch.ts";

const LOOK_AT_DISK_MS = 1_000;

/** From there being room again until everyone has said again that it is there. */
const ROOM_SETTLES_MS = 10_000;

/** nats-server and the services, started. */
export interface RunningStack extends Omit<RunningServices, "onFailure"> {
  readonly bus: BusAccess;
  /** Called at most once, when a part of it cannot go on; also when that was before this call. */
  onFailure(failed: (error: unknown) => void): void;
  /** Called with what keeps everything waiting, and with `undefined` when that is over. */
  onTrouble(told: (trouble: string | undefined) => void): void;
}

export interface StartOptions {
  readonly paths: StackPaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  loadServices(): Promise<StackServices>;
  readonly log: Logger;
}

/**
 * Ends what a killed supervisor left, then starts everything. Only with the supervisor's lock held.
 *
 * @throws `server_missing`, `server_too_old`, `stack_failed`, and what the services throw; nothing of
 * it runs then
 */
export async function startStack(
  { paths, env, version, loadServices, log }: StartOptions,
  progress: (text: string) => void,
): Promise<RunningStack> {
  const loading = loadServices();
  // Its failure is met where it is waited for.
  loading.catch(() => {});
  const binary = await findNatsServer(env);
  mkdirSync(paths.server.directory, { recursive: true });
  mkdirSync(paths.runner, { recursive: true });
  const firstPort = await endLeftServer(paths);
  const prepared = await prepareServer(paths);
  const { users } = prepared;
  const failed = Promise.withResolvers<unknown>();

  progress(`starting nats-server ${binary.version}`);
  const server = await keepServer({
    start: (port) => startNats(binary, paths, port),
    firstPort,
    onRestart: (how, count) => log.warn({ how, count }, "nats-server ended, starting it again"),
    onGaveUp: failed.resolve,
    now: () => performance.now(),
  });
  try {
    const url = `nats://127.0.0.1:${server.port}`;
    progress("preparing the streams");
    await prepareStreams(url, prepared);
    const services = await loading;
    let fullUntilMs = 0;
    const isStoreFull = () => performance.now() < fullUntilMs;
    const context = { url, users, version, runnerDirectory: paths.runner, log, isStoreFull };
    const running = await services.start(context, progress);
    running.onFailure(failed.resolve);
    let tellTrouble = (_: string | undefined) => {};
    const endWatch = watchStore({
      directory: paths.server.directory,
      serverLog: paths.server.log,
      everyMs: LOOK_AT_DISK_MS,
      renew: () => server.renew(),
      changed(trouble) {
        fullUntilMs =
          trouble === undefined ? performance.now() + ROOM_SETTLES_MS : Number.POSITIVE_INFINITY;
        tellTrouble(trouble);
      },
      onError: (error) => log.warn({ err: error }, "the disk could not be looked at"),
    });
    return {
      bus: { url, user: users.cli },
      liveRuns: () => running.liveRuns(),
      onLiveRuns: (changed) => running.onLiveRuns(changed),
      interruptAll: (reason, tell) => running.interruptAll(reason, tell),
      setLeastSlots: (count) => running.setLeastSlots(count),
      onFailure: (listener) => void failed.promise.then(listener),
      onTrouble(listener) {
        tellTrouble = listener;
      },
      async stop(containers) {
        endWatch();
        try {
          await running.stop(containers);
        } finally {
          await server.stop();
        }
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
