import { manualClock } from "@pitaya/actors";
import type { Delivery } from "@pitaya/bus";
import { PitayaError } from "@pitaya/protocol";
import pino from "pino";
import { expect, it } from "vitest";
import { pullStarts } from "./loops.ts";
import { slots } from "./slots.ts";

it("a start that comes while the engine is away is not taken, keeps no slot, and comes again", async () => {
  const clock = manualClock();
  const room = slots(1);
  const stopping = new AbortController();
  const taken: number[] = [];
  const naks = Promise.withResolvers<number>();
  const done = Promise.withResolvers<void>();
  let deliveries = 0;
  let isAway = true;

  const next = async (): Promise<Delivery> => ({
    subject: "start",
    sequence: 7,
    payload: new Uint8Array(),
    deliveries: ++deliveries,
    ack: async () => undefined,
    nak: async (delayMs) => naks.resolve(delayMs),
  });
  const pulling = pullStarts(
    {
      ...{ commands: { next }, runner: "a", clock, slots: room, signal: stopping.signal },
      log: pino({ level: "silent" }),
      async engineThere() {
        if (isAway) throw new PitayaError("engine_unavailable", "it does not answer");
      },
    },
    async (delivery, permit) => {
      taken.push(delivery.deliveries);
      permit();
      stopping.abort();
      done.resolve();
    },
  );
  const delayMs = await naks.promise;
  expect(taken).toEqual([]);
  isAway = false;
  while (clock.pending === 0) await new Promise(setImmediate);
  clock.advance(delayMs);
  await done.promise;
  await pulling;
  expect(taken).toEqual([2]);
});
