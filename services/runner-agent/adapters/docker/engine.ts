import { PitayaError } from "@pitaya/protocol";
import Docker from "dockerode";

export type Engine = Docker;

/**
 * @param address `unix:///path`, `tcp://host:port` or `https://host:port`; without it, DOCKER_HOST
 * and its companions decide, as for the docker command.
 */
export function connectEngine(address?: string): Engine {
  if (address === undefined) return new Docker();
  const url = new URL(address);
  if (url.protocol === "unix:") return new Docker({ socketPath: decodeURIComponent(url.pathname) });
  return new Docker({
    protocol: url.protocol === "https:" ? "https" : "http",
    host: url.hostname,
    port: Number(url.port || (url.protocol === "https:" ? 2376 : 2375)),
  });
}

/** HTTP status of an engine's refusal; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** An engine's error as ours; what is ours already passes. `doing` completes "the engine failed to …". */
export function engineFault(error: unknown, doing: string): PitayaError {
  if (error instanceof PitayaError) return error;
  const why = error instanceof Error ? error.message.trim() : String(error);
  if (/no space left on device/i.test(why)) {
    return new PitayaError(
      "disk_full",
      `The engine's disk is full: it failed to ${doing}: ${why}`,
      {
        cause: error,
        hint: "Free space under the engine's data directory, or remove unused images and volumes.",
      },
    );
  }
  const unanswered = statusOf(error) === undefined;
  return new PitayaError("engine_unavailable", `The engine failed to ${doing}: ${why}`, {
    cause: error,
    ...(unanswered && {
      hint: "Start the Docker engine, or point DOCKER_HOST at one: docker info",
    }),
  });
}

/** Runs a call of the engine; its errors become ours. */
export async function onEngine<T>(doing: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw engineFault(error, doing);
  }
}

/**
 * Makes a container. What the engine calls a bad request it would call so again: that is no fault of
 * the engine's.
 *
 * @throws `task_unsupported` then; the engine's own error otherwise
 */
export async function makingContainer<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (statusOf(error) !== 400) throw error;
    const why = error instanceof Error ? error.message.trim() : String(error);
    throw new PitayaError("task_unsupported", `The engine refuses such a container: ${why}`, {
      cause: error,
      hint: "A limit of the run may be one that this engine does not take: --memory, --cpu.",
    });
  }
}

/** As {@link onEngine}, but undefined where the engine answers one of these statuses, 404 by default. */
export async function unlessGone<T>(
  doing: string,
  call: () => Promise<T>,
  statuses: readonly number[] = [404],
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && statuses.includes(status)) return undefined;
    throw engineFault(error, doing);
  }
}
