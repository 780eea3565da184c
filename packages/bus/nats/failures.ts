import { JetStreamApiError } from "@nats-io/jetstream";
import {
  AuthorizationError,
  ClosedConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from "@nats-io/transport-node";
import { PitayaError } from "@pitaya/protocol";

/** Error codes of JetStream that decisions here depend on. */
export const jsCodes = {
  wrongLastSequence: 10071,
  /** Another write to the subject is under way in the cluster. */
  wrongLastSequenceUnknown: 10164,
  consumerNotFound: 10014,
  streamNotFound: 10059,
  noMessage: 10037,
} as const;

/** Maximum bytes, storage or memory of stream, account or server used up. Some come with a 503. */
const FULL_CODES: readonly number[] = [10023, 10028, 10047, 10077];

/** JetStream not ready yet, no leader, or shutting down. */
const PASSING_CODES: readonly number[] = [10008, 10009, 10041, 10076, 10164];

/** Thrown here where an answer that was waited for cannot come any more. */
export class Interrupted extends Error {}

export const apiCode = (error: unknown): number | undefined =>
  error instanceof JetStreamApiError ? error.code : undefined;

const causes = function* (error: unknown): Generator<unknown> {
  for (let e = error; e !== undefined; e = e instanceof Error ? e.cause : undefined) yield e;
};

const within = (error: unknown, test: (cause: unknown) => boolean) => [...causes(error)].some(test);

export const isNoResponders = (error: unknown): boolean =>
  within(
    error,
    (e) => e instanceof NoRespondersError || (e instanceof RequestError && e.isNoResponders()),
  );

export const isDenied = (error: unknown): boolean =>
  within(error, (e) => e instanceof PermissionViolationError);

const hasMessage = (error: unknown, part: string) =>
  within(error, (e) => e instanceof Error && e.message.includes(part));

/** Whether the same request may succeed, or may have succeeded, with nothing changed. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Interrupted || error instanceof TimeoutError) return true;
  if (isDenied(error)) return false;
  if (error instanceof JetStreamApiError) {
    if (FULL_CODES.includes(error.code)) return false;
    return PASSING_CODES.includes(error.code) || error.status === 503;
  }
  // A 503 of no responders: JetStream or the stream's leader is not there at this moment.
  return isNoResponders(error) || hasMessage(error, "connection disconnected");
}

/** @param doing what was tried, such as `store a decision` */
export function busError(error: unknown, doing: string): PitayaError {
  if (error instanceof PitayaError) return error;
  if (isDenied(error)) {
    return new PitayaError("permission_denied", `The NATS server refused to ${doing}.`, {
      cause: error,
      hint: "The credential in use belongs to a role that may not do this.",
    });
  }
  if (within(error, (e) => e instanceof AuthorizationError)) {
    return new PitayaError("permission_denied", `The NATS server refused the credential.`, {
      cause: error,
      hint: "Use the credential file made for this server.",
    });
  }
  const code = apiCode(error);
  if (code !== undefined && FULL_CODES.includes(code)) {
    return new PitayaError("store_full", `The NATS server has no room left to ${doing}.`, {
      cause: error,
      hint: "Remove old runs, or give the server more room.",
    });
  }
  if (code === jsCodes.streamNotFound) {
    return new PitayaError(
      "server_misconfigured",
      `Could not ${doing}: the NATS server does not have the stream.`,
      { cause: error, hint: "Start a coordinator once; it creates the streams." },
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  if (error instanceof ClosedConnectionError || isPassing(error)) {
    return new PitayaError("bus_unavailable", `Could not ${doing}: ${why}.`, { cause: error });
  }
  return new PitayaError("internal", `Could not ${doing}: ${why}.`, { cause: error });
}
