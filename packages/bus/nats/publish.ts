import { headers as makeHeaders } from "@nats-io/transport-node";
import { apiCode, jsCodes } from "./failures.ts";
import type { Link } from "./link.ts";
import { type Patience, REQUEST_TIMEOUT_MS, untilAnswered } from "./patience.ts";

export interface Publish {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** De-duplicates repeats. */
  readonly id?: string;
  /** Stream sequence of the subject's last message; 0: it has none. */
  readonly expectedLast?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Rounded up to whole seconds, which is what servers keep. */
  readonly ttlMs?: number;
}

export type Published =
  | { readonly status: "stored"; readonly sequence: number; readonly duplicate: boolean }
  /** The subject's last message is another than expected, namely this one. */
  | { readonly status: "conflict"; readonly lastSequence: number };

/** Publishes to a stream and repeats itself until the server's answer is known. */
export async function publish(
  link: Link,
  message: Publish,
  patience: Patience,
): Promise<Published> {
  const { subject, payload, id, expectedLast, ttlMs } = message;
  try {
    const ack = await untilAnswered(link, patience, () =>
      link.js.publish(subject, payload, {
        timeout: REQUEST_TIMEOUT_MS,
        headers: headersOf(message.headers ?? {}),
        ...(id === undefined ? {} : { msgID: id }),
        ...(expectedLast === undefined ? {} : { expect: { lastSubjectSequence: expectedLast } }),
        ...(ttlMs === undefined ? {} : { ttl: `${Math.max(1, Math.ceil(ttlMs / 1_000))}s` }),
      }),
    );
    return { status: "stored", sequence: ack.seq, duplicate: ack.duplicate };
  } catch (error) {
    const refusal = error instanceof Error ? error.cause : undefined;
    if (apiCode(refusal) !== jsCodes.wrongLastSequence) throw error;
    return { status: "conflict", lastSequence: sequenceIn(refusal) };
  }
}

function headersOf(fields: Readonly<Record<string, string>>) {
  const headers = makeHeaders();
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return headers;
}

/** The server says `wrong last sequence: 17`. */
function sequenceIn(refusal: unknown): number {
  const found = refusal instanceof Error ? /: (\d+)\s*$/.exec(refusal.message) : null;
  return found === null ? 0 : Number(found[1]);
}
