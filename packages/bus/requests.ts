import {
  type ApiRequest,
  type ApiValue,
  type ApiVerb,
  api,
  type ErrorRecord,
  errorFromRecord,
  errorRecord,
  reply,
} from "@pitaya/protocol";
import type { Requests } from "./bus.port.ts";
import { decode, encode } from "./codec.ts";

/** An answer, and the epoch of the coordinator that gave it; 0 from one that does not decide. */
export interface Answer<V extends ApiVerb> {
  readonly epoch: number;
  readonly value: ApiValue<V>;
}

/**
 * Asks a coordinator. While nobody answers it asks again until `timeoutMs` is over, for a
 * coordinator may be starting.
 *
 * @throws what the other side refused with; `no_coordinator`; `bus_unavailable`; `malformed_message`
 */
export async function ask<V extends ApiVerb>(
  bus: { readonly requests: Requests },
  verb: V,
  subject: string,
  request: ApiRequest<V>,
  timeoutMs: number,
): Promise<Answer<V>> {
  const payload = await bus.requests.ask(subject, encode(api[verb].request, request), timeoutMs);
  const answer = decode(reply(api[verb].value), payload, `The answer to ${verb}`);
  if (!answer.ok) throw errorFromRecord(answer.error);
  return { epoch: answer.epoch, value: answer.value as ApiValue<V> };
}

/**
 * Answers requests of one verb until the returned function is called. What `handle` throws goes back
 * as an error, and so does a request that does not parse: nobody waits in vain.
 *
 * @param subjects filters such as `subjects.apiRun.filter({ verb: "stop" })`
 */
export function answer<V extends ApiVerb>(
  bus: { readonly requests: Requests },
  verb: V,
  subjects: readonly string[],
  options: {
    readonly epoch: () => number;
    /** Told of every refusal; for the log. */
    readonly refused?: (subject: string, error: ErrorRecord) => void;
  },
  handle: (request: ApiRequest<V>, subject: string) => Promise<ApiValue<V>>,
): () => Promise<void> {
  const schema = reply(api[verb].value);
  return bus.requests.serve(subjects, async (subject, payload) => {
    const head = () => ({ v: 1 as const, epoch: options.epoch() });
    try {
      const request = decode(api[verb].request, payload, `The request ${verb}`) as ApiRequest<V>;
      const value = await handle(request, subject);
      return encode(schema, { ...head(), ok: true, value } as never);
    } catch (error) {
      const record = errorRecord(error);
      options.refused?.(subject, record);
      return encode(schema, { ...head(), ok: false, error: record } as never);
    }
  });
}
