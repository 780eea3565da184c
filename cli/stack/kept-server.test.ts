import { expect, it } from "vitest";
import { type KeepOptions, keepServer } from "./kept-server.ts";
import type { NatsProcess } from "./nats-process.ts";

/** A server whose processes end when the test says so. */
function harness(portOf: (asked: number | undefined, start: number) => number | Error) {
  const asked: (number | undefined)[] = [];
  const ends: ((how: string) => void)[] = [];
  const stopped: number[] = [];
  const gaveUp: unknown[] = [];
  let nowMs = 0;
  const started = { resolve: () => {} };
  const options: KeepOptions = {
    firstPort: undefined,
    async start(port) {
      const start = asked.push(port) - 1;
      const got = portOf(port, start);
      started.resolve();
      if (got instanceof Error) throw got;
      const ended = Promise.withResolvers<string>();
      ends.push(ended.resolve);
      const stop = async () => {
        stopped.push(start);
        ended.resolve("ended by SIGTERM");
      };
      return { port: got, ended: ended.promise, stop } satisfies NatsProcess;
    },
    onRestart: () => {},
    onGaveUp: (error) => {
      gaveUp.push(error);
      started.resolve();
    },
    now: () => nowMs,
  };
  return {
    options,
    asked,
    stopped,
    gaveUp,
    /** Ends the current process and waits for what follows from it. */
    async fall(atMs: number) {
      nowMs = atMs;
      const { promise, resolve } = Promise.withResolvers<void>();
      started.resolve = resolve;
      ends.at(-1)?.("killed");
      await promise;
      // What follows a start is in microtasks.
      for (let turns = 0; turns < 10; turns++) await Promise.resolve();
    },
  };
}

it("starts a server that ended again, on the port it had", async () => {
  const { options, asked, fall, gaveUp } = harness((port) => port ?? 4_000);
  const server = await keepServer(options);
  expect(server.port).toBe(4_000);
  await fall(0);
  await fall(1_000);
  expect(asked).toEqual([undefined, 4_000, 4_000]);
  expect(gaveUp).toEqual([]);
  await server.stop();
});

it("does not start one again that it was told to stop", async () => {
  const { options, asked, stopped } = harness(() => 4_000);
  const server = await keepServer(options);
  await server.stop();
  expect(asked).toHaveLength(1);
  expect(stopped).toEqual([0]);
});

it("gives up on one that falls over again and again, but not on one that falls now and then", async () => {
  const rare = harness(() => 4_000);
  await keepServer(rare.options);
  for (let i = 0; i < 20; i++) await rare.fall(i * 20_000);
  expect(rare.gaveUp).toEqual([]);

  const often = harness(() => 4_000);
  await keepServer(often.options);
  for (let i = 0; i < 6; i++) await often.fall(i * 1_000);
  expect(often.asked).toHaveLength(6);
  expect(often.gaveUp).toMatchObject([{ code: "stack_failed" }]);
});

it("gives up when its port is gone, since no connection would find the new one", async () => {
  const { options, fall, gaveUp } = harness((_, start) => 4_000 + start);
  const server = await keepServer(options);
  await fall(0);
  expect(gaveUp).toMatchObject([{ message: expect.stringContaining("port 4000 was taken") }]);
  await server.stop();
});

it("gives up when it cannot be started again, with the reason", async () => {
  const reason = new Error("no space");
  const { options, fall, gaveUp } = harness((_, start) => (start === 0 ? 4_000 : reason));
  await keepServer(options);
  await fall(0);
  expect(gaveUp).toEqual([reason]);
});
