import { buckets, subjects } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { virtualClock } from "./clock.ts";
import { memoryBroker, memoryBus } from "./memory-broker.ts";

const bytes = (text: string) => Buffer.from(text);
const run = "run_20260101_000000_00000001";
const decision = subjects.decision.of({ run });

describe("a virtual clock", () => {
  it("calls what is due in the order of its times, also what is set on the way", () => {
    const clock = virtualClock(0);
    const called: string[] = [];
    const note = (what: string) => () => void called.push(`${what} at ${clock.now()}`);
    clock.after(20, note("b"));
    clock.after(10, () => {
      note("a")();
      clock.after(5, note("a's"));
    });
    const off = clock.after(15, note("never"));
    off();
    clock.after(31, note("later"));
    clock.advance(30);
    expect(called).toEqual(["a at 10", "a's at 15", "b at 20"]);
    expect(clock.now()).toBe(30);
  });
});

describe("a broker in memory", () => {
  it("is full when it is full", async () => {
    const { events } = memoryBroker({ maxEventBytes: 100 }).connect("writer");
    await events.append(decision, { id: "1", payload: Buffer.alloc(60), expectedLast: 0 });
    expect((await events.state()).fill).toBe(0.6);
    const more = events.append(decision, { id: "2", payload: Buffer.alloc(60), expectedLast: 1 });
    await expect(more).rejects.toMatchObject({ code: "store_full" });
  });

  it("forgets ids after the time that the server forgets them", async () => {
    const clock = virtualClock();
    const { events } = memoryBroker({ clock }).connect("writer");
    const note = { id: "1", payload: bytes("x") };
    const subject = subjects.note.of({ run, client: "me" });
    const first = await events.note(subject, note);
    clock.advance(299_999);
    expect(await events.note(subject, note)).toBe(first);
    clock.advance(1);
    expect(await events.note(subject, note)).toBe(first + 1);
  });

  it("keeps its own copy of the bytes", async () => {
    const bus = memoryBus();
    const payload = bytes("abc");
    await bus.events.append(decision, { id: "1", payload, expectedLast: 0 });
    payload.fill(0);
    const last = await bus.events.last(decision);
    expect(last === undefined ? "" : Buffer.from(last.payload).toString()).toBe("abc");
    last?.payload.fill(0);
    const again = await bus.events.last(decision);
    expect(again === undefined ? "" : Buffer.from(again.payload).toString()).toBe("abc");
  });

  it("can be damaged, and searched", async () => {
    const broker = memoryBroker();
    const { blobs } = broker.connect("writer");
    const ref = await blobs.put(async function* () {
      yield bytes("canary");
    });
    expect([...broker.payloads()].some((each) => Buffer.from(each).includes("canary"))).toBe(true);
    const part = subjects.blob.of({ ...ref, part: "0" });
    broker.damage(part, (payload) => payload.map((byte) => byte ^ 1));
    const read = async () => {
      for await (const _ of blobs.get(ref));
    };
    await expect(read()).rejects.toMatchObject({ code: "blob_corrupt" });
    broker.remove(subjects.blob.of({ ...ref, part: "manifest" }));
    await expect(read()).rejects.toMatchObject({ code: "blob_missing" });
  });

  it("lets pins lapse when nobody renews them", async () => {
    const clock = virtualClock();
    const bus = memoryBroker({ clock }).connect("writer");
    const { sha256 } = await bus.blobs.put(async function* () {
      yield bytes("x");
    });
    const pinned = () => bus.bucket(buckets.pins).get(`writer.${sha256}`);
    clock.advance(buckets.pins.ttlMs - 1);
    expect(await pinned()).toBeDefined();
    clock.advance(1);
    expect(await pinned()).toBeUndefined();
  });
});
