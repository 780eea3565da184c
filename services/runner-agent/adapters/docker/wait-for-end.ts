import { setTimeout as delay } from "node:timers/promises";
import type { Container } from "dockerode";
import { z } from "zod";
import { statusOf } from "./engine.ts";

/** Between two tries to reach an engine that went away. */
const AGAIN_MS = 500;

/** An engine that is away for longer is not restarted but gone. */
const PATIENCE_MS = 300_000;

const Ended = z.object({ StatusCode: z.int() });

/** What is waited for: that it runs no more, or that there is no such container any more. */
type End = "not-running" | "removed";

/**
 * Waits until a container has ended. An engine that ends in between is waited for: what it then
 * says of the container holds. (The client's own wait neither ends nor fails when its connection is
 * cut.)
 *
 * @returns its exit code
 * @throws what the engine answers; the last error when it does not come back; when `signal` aborts
 */
export async function waitForEnd(
  container: Container,
  signal: AbortSignal,
  end: End = "not-running",
): Promise<number> {
  for (let waitsUntil: number | undefined; ; ) {
    try {
      return await waitOnce(container, signal, end);
    } catch (error) {
      signal.throwIfAborted();
      if (statusOf(error) !== undefined) throw error;
      waitsUntil ??= performance.now() + PATIENCE_MS;
      if (performance.now() > waitsUntil) throw error;
      await delay(AGAIN_MS, undefined, { signal });
    }
  }
}

async function waitOnce(container: Container, signal: AbortSignal, end: End): Promise<number> {
  const answer = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
    container.modem.dial(
      {
        path: `/containers/${container.id}/wait?`,
        options: { _query: { condition: end } },
        method: "POST",
        isStream: true,
        abortSignal: signal,
        statusCodes: {
          200: true,
          400: "bad parameter",
          404: "no such container",
          500: "server error",
        },
      },
      (error: unknown, data: unknown) =>
        error ? reject(error) : resolve(data as AsyncIterable<Buffer>),
    );
  });
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part);
  return Ended.parse(JSON.parse(Buffer.concat(parts).toString())).StatusCode;
}
