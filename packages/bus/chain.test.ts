import { PitayaError } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { AppendResult } from "./bus.port.ts";
import { openChain } from "./chain.ts";

/** A log whose answers the test gives, one call after the other. */
function log() {
  const calls: { expectedLast: number; answer: (result: AppendResult | Error) => void }[] = [];
  return {
    calls,
    append: (_: string, { expectedLast }: { expectedLast: number }) =>
      new Promise<AppendResult>((resolve, reject) => {
        calls.push({
          expectedLast,
          answer: (result) => (result instanceof Error ? reject(result) : resolve(result)),
        });
      }),
  };
}

const message = { id: "id", payload: Buffer.from("x") };
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a chain", () => {
  it("appends one at a time, each after the one before", async () => {
    const events = log();
    const chain = openChain(events, "subject", 7);
    const [one, two] = [chain.append(message), chain.append(message)];
    await turn();
    expect(events.calls.map(({ expectedLast }) => expectedLast)).toEqual([7]);
    events.calls[0]?.answer({ status: "stored", sequence: 9 });
    expect(await one).toEqual({ status: "stored", sequence: 9 });
    await turn();
    expect(events.calls.map(({ expectedLast }) => expectedLast)).toEqual([7, 9]);
    events.calls[1]?.answer({ status: "stored", sequence: 12 });
    await two;
    expect(chain.lastSequence).toBe(12);
  });

  it("asks nobody again after a conflict", async () => {
    const events = log();
    const chain = openChain(events, "subject", 0);
    const [one, two] = [chain.append(message), chain.append(message)];
    await turn();
    events.calls[0]?.answer({ status: "conflict" });
    expect([await one, await two, await chain.append(message)]).toEqual(
      Array(3).fill({ status: "conflict" }),
    );
    expect(events.calls).toHaveLength(1);
    expect(chain.broken).toBe(true);
  });

  it("goes no further from a message of which it does not know whether it was stored", async () => {
    const events = log();
    const chain = openChain(events, "subject", 0);
    const [one, two] = [chain.append(message), chain.append(message)];
    await turn();
    events.calls[0]?.answer(new PitayaError("bus_unavailable", "Gone."));
    await expect(one).rejects.toThrow("Gone.");
    await expect(two).rejects.toMatchObject({ code: "bus_unavailable" });
    expect(events.calls).toHaveLength(1);
    expect(chain.broken).toBe(false);
  });
});
