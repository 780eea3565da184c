import { type Msg, type MsgHdrs, headers as noHeaders } from "@nats-io/transport-node";
import type { StoredMessage } from "../bus.port.ts";

/** A message as the server gives it out, with the id it was published under. */
export interface FoundMessage extends StoredMessage {
  readonly id: string;
  /** All headers, those of the server and the client library too. */
  readonly transport: MsgHdrs;
}

/** Headers of the server and the client library start so; they are no part of the message. */
const TRANSPORT_HEADER = /^Nats-/i;

function ownHeaders(headers: MsgHdrs): Record<string, string> {
  const own = headers.keys().filter((name) => !TRANSPORT_HEADER.test(name));
  return Object.fromEntries(own.map((name) => [name, headers.get(name)]));
}

/** Reads the answer to a direct get. */
export function fromDirect({ headers = noHeaders(), data }: Msg): FoundMessage {
  return {
    // The server adds its own headers last; a sender may have put the same names before them.
    subject: headers.last("Nats-Subject"),
    sequence: Number(headers.last("Nats-Sequence")),
    storedAt: new Date(headers.last("Nats-Time-Stamp")),
    payload: data,
    headers: ownHeaders(headers),
    id: headers.get("Nats-Msg-Id"),
    transport: headers,
  };
}

export function withoutTransport(message: FoundMessage): StoredMessage {
  const { id: _id, transport: _transport, ...stored } = message;
  return stored;
}

/** What a delivery's reply subject says about it. */
export interface DeliveryInfo {
  readonly sequence: number;
  readonly deliveries: number;
}

/**
 * Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<place>.<time>.<pending>[.<token>]`.
 */
export function deliveryInfo(reply: string): DeliveryInfo | undefined {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const [deliveries, sequence] = tokens.slice(tokens.length === 9 ? 4 : 6);
  return { deliveries: Number(deliveries), sequence: Number(sequence) };
}
