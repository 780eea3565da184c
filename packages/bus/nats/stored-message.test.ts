import { headers, type Msg } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { deliveryInfo, fromDirect } from "./stored-message.ts";

describe("a delivery", () => {
  it.each([
    ["$JS.ACK.STREAM.consumer.2.17.9.1795353860038762340.3"],
    ["$JS.ACK._.hash.STREAM.consumer.2.17.9.1795353860038762340.3"],
    ["$JS.ACK.domain.hash.STREAM.consumer.2.17.9.1795353860038762340.3.token"],
  ])("is read from %s", (reply) => {
    expect(deliveryInfo(reply)).toEqual({ deliveries: 2, sequence: 17 });
  });

  it.each(["", "_INBOX.x", "$JS.ACK.too.short"])("is not read from %j", (reply) => {
    expect(deliveryInfo(reply)).toBeUndefined();
  });
});

describe("a message that was asked for", () => {
  it("is what the server says of it, not what its sender claims", () => {
    const given = headers();
    given.append("Nats-Sequence", "999");
    given.append("Nats-Subject", "forged");
    given.append("Pitaya-Kind", "bytes");
    given.append("Nats-Msg-Id", "id");
    given.append("Nats-Stream", "S");
    given.append("Nats-Subject", "real");
    given.append("Nats-Sequence", "7");
    given.append("Nats-Time-Stamp", "2026-01-02T03:04:05.678Z");
    const found = fromDirect({ headers: given, data: Buffer.from("x") } as unknown as Msg);
    expect(found).toMatchObject({
      subject: "real",
      sequence: 7,
      headers: { "Pitaya-Kind": "bytes" },
      id: "id",
    });
    expect(found.storedAt.toISOString()).toBe("2026-01-02T03:04:05.678Z");
  });
});
