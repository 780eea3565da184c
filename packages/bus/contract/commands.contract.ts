import { subjects } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { Bus, Delivery } from "../bus.port.ts";
import { anId, aProcess, bytes, type Harness, text } from "./harness.ts";

export function commandsContract(server: () => Harness): void {
  /** A coordinator and a runner with its queues. */
  async function withRunner() {
    const runner = aProcess("runner");
    const coordinator = await server().connect("coordinator");
    const bus = await server().connect(runner);
    await coordinator.commands.ensureQueues(runner);
    return {
      runner,
      coordinator,
      order: (payload: string, id = anId()) =>
        coordinator.commands.publish(subjects.start.of({ runner }), {
          id,
          payload: bytes(payload),
        }),
      next: (signal: AbortSignal = new AbortController().signal) =>
        bus.commands.next(runner, "start", signal),
      bus,
    };
  }

  const told = (delivery: Delivery | undefined) =>
    delivery === undefined ? undefined : text(delivery.payload);

  describe("commands", () => {
    it("hands out orders in turn, each until it is acknowledged", async () => {
      const { order, next } = await withRunner();
      await order("1");
      await order("2");
      const one = await next();
      const two = await next();
      expect([told(one), told(two)]).toEqual(["1", "2"]);
      expect(one?.deliveries).toBe(1);
      await one?.ack();
      await two?.ack();
      await order("3");
      expect(told(await next())).toBe("3");
    });

    it("waits for an order", async () => {
      const { order, next } = await withRunner();
      const waiting = next();
      await order("1");
      expect(told(await waiting)).toBe("1");
    });

    it("takes the same order twice for one", async () => {
      const { order, next } = await withRunner();
      const id = anId();
      expect(await order("1", id)).toBe(await order("1", id));
      expect(told(await next())).toBe("1");
      await order("2");
      expect(told(await next())).toBe("2");
    });

    it("keeps control apart from starts, and runners from each other", async () => {
      const a = await withRunner();
      const b = await withRunner();
      await b.order("not for a");
      const subject = subjects.control.of({ runner: a.runner, verb: "cancel" });
      await a.coordinator.commands.publish(subject, { id: anId(), payload: bytes("stop") });
      await a.order("start");
      const { signal } = new AbortController();
      const control = await a.bus.commands.next(a.runner, "control", signal);
      expect([control?.subject, told(control)]).toEqual([subject, "stop"]);
      expect(told(await a.next())).toBe("start");
    });

    it("delivers again what was put back", async () => {
      const { order, next } = await withRunner();
      await order("1");
      await (await next())?.nak(0);
      const again = await next();
      expect([told(again), again?.deliveries]).toEqual(["1", 2]);
    });

    it("delivers again later what was put back for later", async () => {
      const { order, next } = await withRunner();
      await order("1");
      await (await next())?.nak(300);
      await order("2");
      expect(told(await next())).toBe("2");
      const again = next();
      await server().pass(301);
      expect([told(await again), (await again)?.deliveries]).toEqual(["1", 2]);
    });

    it("delivers again what nobody acknowledged in time", async () => {
      const { order, next } = await withRunner();
      await order("1");
      const lost = await next();
      const again = next();
      await server().pass(server().ackWaitMs + 1);
      expect([told(await again), (await again)?.deliveries]).toEqual(["1", 2]);
      expect(lost?.sequence).toBe((await again)?.sequence);
    });

    it("lets a late acknowledgement count, as the server does: acknowledgements are not fenced", async () => {
      const { order, next } = await withRunner();
      await order("1");
      const late = await next();
      await late?.nak(0);
      const again = await next();
      await late?.ack();
      await again?.nak(0);
      await order("2");
      expect(told(await next())).toBe("2");
    });

    it("loses no order to one who stopped waiting", async () => {
      const { order, next } = await withRunner();
      const stop = new AbortController();
      const waiting = next(stop.signal);
      stop.abort();
      expect(await waiting).toBeUndefined();
      await order("1");
      expect(await next(stop.signal)).toBeUndefined();
      expect(told(await next())).toBe("1");
    });

    it("waits for queues that are not there yet", async () => {
      const runner = aProcess("runner");
      const bus: Bus = await server().connect(runner);
      const waiting = bus.commands.next(runner, "start", new AbortController().signal);
      const subject = subjects.start.of({ runner });
      await bus.commands.publish(subject, { id: anId(), payload: bytes("early") });
      await bus.commands.ensureQueues(runner);
      await bus.commands.ensureQueues(runner);
      expect(told(await waiting)).toBe("early");
    });
  });
}
