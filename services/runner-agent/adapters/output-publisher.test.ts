import { manualClock } from "@pitaya/actors";
import { PitayaError } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { FRESH_CURSOR } from "../domain/output-messages.rules.ts";
import { outputPublisher } from "./output-publisher.ts";

/** A bus whose answers are given by hand. */
function setUp() {
  const clock = manualClock();
  const stop = new AbortController();
  const sent: { readonly text: string; readonly kind: string | undefined }[] = [];
  const journaled: string[] = [];
  const refusals: Error[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const troubles: unknown[] = [];
  let offset = 0;
  const publisher = outputPublisher({
    output: {
      publish: (_subject, payload, headers) => {
        sent.push({ text: Buffer.from(payload).toString(), kind: headers["Pitaya-Kind"] });
        const answer = Promise.withResolvers<void>();
        answers.push(answer);
        return answer.promise;
      },
    },
    journal: {
      append: async ({ payload }) => {
        const error = refusals.shift();
        if (error) throw error;
        journaled.push(Buffer.from(payload).toString());
      },
    },
    subject: "out",
    cursor: FRESH_CURSOR,
    clock,
    signal: stop.signal,
    onTrouble: (error) => void troubles.push(error),
  });
  const turns = async () => {
    for (let n = 0; n < 20; n += 1) await Promise.resolve();
  };
  return {
    clock,
    stop,
    sent,
    journaled,
    refusals,
    troubles,
    publisher,
    turns,
    say(text: string) {
      const bytes = Buffer.from(text);
      publisher.bytes({
        stream: "stdout",
        fromOffset: offset,
        toOffset: offset + bytes.length,
        bytes,
      });
      offset += bytes.length;
    },
    async answer(error?: Error) {
      const next = answers.shift();
      if (error) next?.reject(error);
      else next?.resolve();
      await turns();
    },
  };
}

it("sends the first output at once, and gathers what follows for a moment", async () => {
  const { say, sent, clock, turns, answer } = setUp();
  say("a");
  await turns();
  await answer();
  say("b");
  clock.advance(49);
  say("c");
  await turns();
  expect(sent.map(({ text }) => text)).toEqual(["a"]);
  clock.advance(1);
  await turns();
  expect(sent.map(({ text }) => text)).toEqual(["a", "bc"]);
});

it("does not wait when there is enough", async () => {
  const { say, sent, turns, answer } = setUp();
  say("a");
  await turns();
  await answer();
  say("b".repeat(64 * 1024));
  await turns();
  expect(sent).toHaveLength(2);
});

it("writes each message down once, before it is sent", async () => {
  const { say, sent, journaled, turns, answer, clock } = setUp();
  say("a");
  await turns();
  expect(journaled).toEqual(["a"]);
  await answer(new PitayaError("bus_unavailable", "away"));
  clock.advance(1_000);
  await turns();
  expect(sent).toHaveLength(2);
  expect(journaled).toEqual(["a"]);
});

it("waits for a full disk to have room, and sends nothing that is not written down", async () => {
  const { say, sent, journaled, refusals, turns, answer, clock, troubles } = setUp();
  refusals.push(new PitayaError("disk_full", "full"), new PitayaError("disk_full", "full"));
  say("a");
  await turns();
  clock.advance(1_000);
  await turns();
  expect({ sent, journaled }).toEqual({ sent: [], journaled: [] });
  clock.advance(1_000);
  await turns();
  await answer();
  expect(journaled).toEqual(["a"]);
  expect(sent.map(({ text }) => text)).toEqual(["a"]);
  expect(troubles).toHaveLength(2);
});

it("sends one message at a time, and joins what comes meanwhile", async () => {
  const { say, sent, turns, answer, clock } = setUp();
  for (const text of ["a", "b", "c"]) {
    say(text);
    await turns();
  }
  expect(sent).toHaveLength(1);
  clock.advance(50);
  await answer();
  clock.advance(50);
  await turns();
  expect(sent.map(({ text }) => text)).toEqual(["a", "bc"]);
});

it("puts records after the bytes they were read from", async () => {
  const { say, sent, turns, answer, publisher } = setUp();
  say("say hello\n");
  publisher.records([{ type: "message", text: "hello" }]);
  await turns();
  await answer();
  expect(sent.map(({ kind }) => kind)).toEqual(["bytes", "records"]);
});

it("holds a reader back while the bus does not take it, and lets it go on then", async () => {
  const { say, publisher, turns, answer, clock } = setUp();
  say("x".repeat(1024 * 1024));
  let isLetGo = false;
  void publisher.room().then(() => {
    isLetGo = true;
  });
  await turns();
  expect(isLetGo).toBe(false);
  for (let n = 0; n < 4; n += 1) {
    await answer();
    clock.advance(50);
  }
  expect(isLetGo).toBe(true);
});

it("tries again in order when the bus is away", async () => {
  const { say, sent, troubles, turns, answer, clock } = setUp();
  say("a");
  await turns();
  say("b");
  await answer(new PitayaError("bus_unavailable", "away"));
  expect(troubles).toHaveLength(1);
  clock.advance(1_000);
  await turns();
  await answer();
  clock.advance(50);
  await turns();
  expect(sent.map(({ text }) => text)).toEqual(["a", "a", "b"]);
});

it("tells whoever waits when it can never be sent", async () => {
  const { say, publisher, turns, answer } = setUp();
  say("a");
  const flushed = publisher.flush();
  await turns();
  await answer(new PitayaError("permission_denied", "no"));
  await expect(flushed).rejects.toMatchObject({ code: "permission_denied" });
  await expect(publisher.room()).rejects.toMatchObject({ code: "permission_denied" });
});

it("lets everyone go when it is stopped", async () => {
  const { say, publisher, stop, turns, clock } = setUp();
  say("x".repeat(1024 * 1024));
  const room = publisher.room();
  await turns();
  stop.abort();
  await room;
  clock.advance(10_000);
  expect(clock.pending).toBe(0);
});
