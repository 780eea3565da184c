import { PitayaError } from "@pitaya/protocol";
import type { NatsProcess } from "./nats-process.ts";

export interface KeptServer {
  readonly port: number;
  /** Ends it, so that it is started again. Resolves when it has ended. */
  renew(): Promise<void>;
  stop(): Promise<void>;
}

export interface KeepOptions {
  /** Starts it; with a port, on that port or another. */
  start(port: number | undefined): Promise<NatsProcess>;
  readonly firstPort: number | undefined;
  /** Told of each end that was not asked for, and how often it was started again in this stretch. */
  onRestart(how: string, count: number): void;
  /** It cannot be kept. Called at most once, and never after `stop`. */
  onGaveUp(error: unknown): void;
  now(): number;
}

/** A server that falls over more often than this has a reason that a restart does not cure. */
const MAX_RESTARTS = 5;
const WITHIN_MS = 60_000;

/**
 * Keeps nats-server running. One that ends is started again on its port, so that every connection
 * comes back by itself; on another port none would, so that counts as given up.
 */
export async function keepServer(options: KeepOptions): Promise<KeptServer> {
  let current = await options.start(options.firstPort);
  const { port } = current;
  let stopping = false;
  let renewing: Promise<void> | undefined;
  const restarts: number[] = [];

  async function watch(): Promise<void> {
    for (;;) {
      const how = await current.ended;
      await renewing;
      if (stopping) return;
      const now = options.now();
      restarts.push(now);
      const lately = restarts.filter((at) => at > now - WITHIN_MS).length;
      if (lately > MAX_RESTARTS) throw gaveUp(`it ended ${lately} times in a minute, ${how}`);
      options.onRestart(how, lately);
      const next = await options.start(port);
      if (stopping) return next.stop();
      current = next;
      if (next.port !== port) throw gaveUp(`its port ${port} was taken by another program`);
    }
  }
  const watching = watch().catch((error) => {
    if (!stopping) options.onGaveUp(error);
  });

  return {
    port,
    renew() {
      renewing ??= current.stop().finally(() => {
        renewing = undefined;
      });
      return renewing;
    },
    async stop() {
      stopping = true;
      await current.stop();
      await watching;
    },
  };
}

const gaveUp = (why: string) =>
  new PitayaError("stack_failed", `nats-server cannot be kept running: ${why}`);
