import type { DirectMsgImpl } from "@nats-io/jetstream/internal";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { StoredMessage } from "../bus.port.ts";

/** Headers of the server and the client library start so; they are no part of the message. */
const TRANSPORT_HEADER = /^Nats-/i;

export function ownHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  const own = (headers?.keys() ?? []).filter((name) => !TRANSPORT_HEADER.test(name));
  return Object.fromEntries(own.map((name) => [name, headers?.get(name) ?? ""]));
}

/** What a delivery's reply subject says about it. */
export interface DeliveryInfo {
  readonly sequence: number;
  /** Place among the deliveries of its consumer, from 1. */
  readonly place: number;
  readonly deliveries: number;
  readonly storedAt: Date;
  /** Messages after it that the consumer has yet to deliver. */
  readonly pending: number;
}

/**
 * Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<place>.<time>.<pending>[.<token>]`.
 */
export function deliveryInfo(reply: string): DeliveryInfo | undefined {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const [deliveries, sequence, place, nanos, pending] = tokens.slice(tokens.length === 9 ? 4 : 6);
  return {
    deliveries: Number(deliveries),
    sequence: Number(sequence),
    place: Number(place),
    storedAt: new Date(Math.floor(Number(nanos) / 1e6)),
    pending: Number(pending),
  };
}

export const fromDelivery = (message: Msg, info: DeliveryInfo): StoredMessage => ({
  subject: message.subject,
  sequence: info.sequence,
  storedAt: info.storedAt,
  payload: message.data,
  headers: ownHeaders(message.headers),
});

/** A message that was asked for by subject, with the id it was published under. */
export type FoundMessage = StoredMessage & { readonly id: string; readonly transport: MsgHdrs };

export const fromDirect = (message: DirectMsgImpl): FoundMessage => ({
  subject: message.subject,
  sequence: message.seq,
  storedAt: message.time,
  payload: message.data,
  headers: ownHeaders(message.header),
  id: message.header.get("Nats-Msg-Id"),
  transport: message.header,
});
