import { subjects } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { Bus, CaughtUp, StoredMessage } from "../bus.port.ts";
import { openChain } from "../chain.ts";
import { all, anId, aProcess, aRun, bytes, collect, first, type Harness, text } from "./harness.ts";

const decisionOf = (run: string) => subjects.decision.of({ run });

const said = (item: StoredMessage | CaughtUp) =>
  "caughtUp" in item ? "caught up" : text(item.payload);

/** Appends texts as a chain; the sequences they got. */
async function written(bus: Bus, subject: string, ...texts: string[]): Promise<number[]> {
  const chain = openChain(bus.events, subject, 0);
  const sequences: number[] = [];
  for (const payload of texts) {
    const result = await chain.append({ id: anId(), payload: bytes(payload) });
    if (result.status !== "stored") throw new Error("the chain is broken");
    sequences.push(result.sequence);
  }
  return sequences;
}

export function eventsContract(server: () => Harness): void {
  describe("events", () => {
    it("stores a message only after the one it expects", async () => {
      const { events } = await server().connect("writer");
      const subject = decisionOf(aRun());
      const one = await events.append(subject, {
        id: anId(),
        payload: bytes("1"),
        expectedLast: 0,
      });
      expect(one.status).toBe("stored");
      const expectedLast = one.status === "stored" ? one.sequence : -1;
      const again = { id: anId(), payload: bytes("x"), expectedLast: 0 };
      expect(await events.append(subject, again)).toEqual({ status: "conflict" });
      const two = await events.append(subject, { id: anId(), payload: bytes("2"), expectedLast });
      expect(two.status).toBe("stored");
      expect((await all(events.read([subject]))).map(said)).toEqual(["1", "2"]);
    });

    it("takes the same message twice for one", async () => {
      const { events } = await server().connect("writer");
      const subject = decisionOf(aRun());
      const message = { id: anId(), payload: bytes("1"), expectedLast: 0 };
      const stored = await events.append(subject, message);
      expect(stored.status).toBe("stored");
      expect(await events.append(subject, message)).toEqual(stored);
      expect(await all(events.read([subject]))).toHaveLength(1);
    });

    it("counts a message that others have followed as a conflict: the chain is theirs", async () => {
      const { events } = await server().connect("writer");
      const subject = decisionOf(aRun());
      const message = { id: anId(), payload: bytes("1"), expectedLast: 0 };
      const stored = await events.append(subject, message);
      const expectedLast = stored.status === "stored" ? stored.sequence : -1;
      await events.append(subject, { id: anId(), payload: bytes("2"), expectedLast });
      expect(await events.append(subject, message)).toEqual({ status: "conflict" });
    });

    it("refuses other content under an id in use", async () => {
      const { events } = await server().connect("writer");
      const subject = decisionOf(aRun());
      const id = anId();
      await events.append(subject, { id, payload: bytes("1"), expectedLast: 0 });
      const other = { id, payload: bytes("2"), expectedLast: 0 };
      expect(await events.append(subject, other)).toEqual({ status: "conflict" });
    });

    it("stores a message whose id somebody else used elsewhere", async () => {
      const { events } = await server().connect("writer");
      const run = aRun();
      const id = anId();
      await events.note(subjects.note.of({ run, client: "other" }), {
        id,
        payload: bytes("spoiled"),
      });
      const mine = { id, payload: bytes("mine"), expectedLast: 0 };
      expect(await events.append(decisionOf(run), mine)).toMatchObject({ status: "stored" });
      expect((await all(events.read([decisionOf(run)]))).map(said)).toEqual(["mine"]);
    });

    it("lets one of several writers win each place", async () => {
      const writers = await Promise.all(
        ["a", "b", "c"].map(async (id) => (await server().connect(id)).events),
      );
      const subject = decisionOf(aRun());
      let expectedLast = 0;
      for (let round = 0; round < 10; round += 1) {
        const results = await Promise.all(
          writers.map((events, i) =>
            events.append(subject, { id: anId(), payload: bytes(`${round}.${i}`), expectedLast }),
          ),
        );
        const stored = results.filter((result) => result.status === "stored");
        expect(stored).toHaveLength(1);
        expectedLast = stored[0]?.sequence ?? -1;
      }
      expect(await all(writers[0]?.read([subject]) ?? expect.fail())).toHaveLength(10);
    });

    it("finds the last message of a subject", async () => {
      const bus = await server().connect("writer");
      const subject = decisionOf(aRun());
      expect(await bus.events.last(subject)).toBeUndefined();
      const [, sequence] = await written(bus, subject, "1", "2");
      const last = await bus.events.last(subject);
      expect(last).toMatchObject({ subject, sequence, headers: {} });
      expect(last === undefined ? "" : text(last.payload)).toBe("2");
      expect(last?.storedAt).toBeInstanceOf(Date);
    });

    it("stores a note once", async () => {
      const { events } = await server().connect("client");
      const subject = subjects.note.of({ run: aRun(), client: aProcess("cli") });
      const note = { id: anId(), payload: bytes("hello") };
      expect(await events.note(subject, note)).toBe(await events.note(subject, note));
      expect(await all(events.read([subject]))).toHaveLength(1);
    });

    it("reads the subjects asked for, in the order of the stream, and ends", async () => {
      const bus = await server().connect("reader");
      const run = aRun();
      const note = subjects.note.of({ run, client: "me" });
      await written(bus, decisionOf(run), "1");
      await bus.events.note(note, { id: anId(), payload: bytes("2") });
      await written(bus, decisionOf(aRun()), "elsewhere");
      const three = await bus.events.note(note, { id: anId(), payload: bytes("3") });
      const filters = [decisionOf(run), subjects.note.filter({ run })];
      expect((await all(bus.events.read(filters))).map(said)).toEqual(["1", "2", "3"]);
      expect((await all(bus.events.read(filters, three))).map(said)).toEqual(["3"]);
      expect(await all(bus.events.read([decisionOf(aRun())]))).toEqual([]);
    });

    it("follows what is there and then what comes", async () => {
      const bus = await server().connect("follower");
      const subject = decisionOf(aRun());
      await written(bus, subject, "1", "2");
      const stop = new AbortController();
      const seen = collect(bus.events.follow([subject], { signal: stop.signal }));
      await seen.until((items) => items.length === 3);
      const last = await bus.events.last(subject);
      const chain = openChain(bus.events, subject, last?.sequence ?? 0);
      await chain.append({ id: anId(), payload: bytes("3") });
      const items = await seen.until((items) => items.length === 4);
      expect(items.map(said)).toEqual(["1", "2", "caught up", "3"]);
      stop.abort();
    });

    it("says that it caught up also where there is nothing", async () => {
      const { events } = await server().connect("follower");
      const { signal } = new AbortController();
      const items = await first(events.follow([decisionOf(aRun())], { signal }), 1);
      expect(items).toEqual([{ caughtUp: true }]);
    });

    it("follows from a sequence on", async () => {
      const bus = await server().connect("follower");
      const subject = decisionOf(aRun());
      const [, second] = await written(bus, subject, "1", "2", "3");
      const { signal } = new AbortController();
      const following = bus.events.follow([subject], { fromSequence: second ?? 0, signal });
      expect((await first(following, 3)).map(said)).toEqual(["2", "3", "caught up"]);
    });

    it("ends when told to, also while it waits", async () => {
      const { events } = await server().connect("follower");
      const stop = new AbortController();
      const ended = all(events.follow([decisionOf(aRun())], { signal: stop.signal }));
      stop.abort();
      await ended;
      expect(await all(events.follow([decisionOf(aRun())], { signal: stop.signal }))).toEqual([]);
    });

    it("gives every follower everything in the same order", async () => {
      const bus = await server().connect("writer");
      const others = await Promise.all(["f1", "f2"].map((id) => server().connect(id)));
      const run = aRun();
      const stop = new AbortController();
      const seen = others.map(({ events }) =>
        collect(events.follow([`pitaya.v1.evt.${run}.>`], { signal: stop.signal })),
      );
      const clients = ["a", "b", "c", "d"];
      await Promise.all(
        clients.map(async (client) => {
          for (let i = 0; i < 10; i += 1) {
            const subject = subjects.note.of({ run, client });
            await bus.events.note(subject, { id: anId(), payload: bytes(`${client}${i}`) });
          }
        }),
      );
      const [one, two] = await Promise.all(
        seen.map(async (each) => (await each.until((items) => items.length === 41)).map(said)),
      );
      const withoutMark = (items: string[] | undefined) => items?.filter((s) => s !== "caught up");
      expect(withoutMark(one)).toEqual(withoutMark(two));
      expect(new Set(one).size).toBe(41);
      stop.abort();
    });

    it("tells how full the stream is, which one it is, and where it ends", async () => {
      const { events } = await server().connect("looker");
      const [sequence] = await written(await server().connect("writer"), decisionOf(aRun()), "1");
      const { fill, created, lastSequence } = await events.state();
      expect(fill).toBeGreaterThanOrEqual(0);
      expect(fill).toBeLessThan(0.5);
      expect(lastSequence).toBe(sequence);
      expect((await events.state()).created).toBe(created);
    });

    it("breaks a chain for good once another wrote to it", async () => {
      const bus = await server().connect("writer");
      const subject = decisionOf(aRun());
      const chain = openChain(bus.events, subject, 0);
      const other = openChain(bus.events, subject, 0);
      expect((await chain.append({ id: anId(), payload: bytes("1") })).status).toBe("stored");
      expect((await other.append({ id: anId(), payload: bytes("x") })).status).toBe("conflict");
      expect((await other.append({ id: anId(), payload: bytes("y") })).status).toBe("conflict");
      expect(other.broken).toBe(true);
      const together = ["2", "3", "4"].map((t) => chain.append({ id: anId(), payload: bytes(t) }));
      expect((await Promise.all(together)).every(({ status }) => status === "stored")).toBe(true);
      expect((await all(bus.events.read([subject]))).map(said)).toEqual(["1", "2", "3", "4"]);
    });
  });
}
