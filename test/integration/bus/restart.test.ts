import { cp, rm } from "node:fs/promises";
import { type Bus, natsBus, openChain, provision } from "@pitaya/bus";
import { anId, aProcess, aRun, bytes, collect, text } from "@pitaya/bus/contract";
import { buckets, subjects } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { holdingProxy } from "../../support/holding-proxy.ts";
import { startNatsProcess, type TestNatsProcess } from "../../support/nats.ts";

let nats: TestNatsProcess;

beforeAll(async () => {
  nats = await startNatsProcess();
  await provisioned();
});
afterAll(() => nats.stop());

const provisioned = () =>
  provision({ servers: nats.url, name: "admin", maxStoreBytes: 512 * 1024 ** 2 });

async function connect(id = aProcess("process")): Promise<Bus> {
  const bus = await natsBus({ servers: nats.url, name: id });
  onTestFinished(() => bus.close());
  return bus;
}

async function crash(): Promise<void> {
  await nats.kill9();
  await nats.start();
}

describe("a server that is killed and started again", () => {
  it("has every message once, and every follower gets each once and in order", async () => {
    const [writer, follower] = [await connect(), await connect()];
    const run = aRun();
    const subject = subjects.decision.of({ run });
    const stop = new AbortController();
    const seen = collect(follower.events.follow([subject], { signal: stop.signal }));
    const chain = openChain(writer.events, subject, 0);
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`);
    for (const payload of texts) {
      const stored = chain.append({ id: anId(), payload: bytes(payload) });
      if (payload === "100" || payload === "200") await crash();
      expect((await stored).status).toBe("stored");
    }
    const items = await seen.until((items) => items.length === texts.length + 1);
    stop.abort();
    const messages = items.flatMap((item) => ("payload" in item ? [text(item.payload)] : []));
    expect(messages).toEqual(texts);
  });

  it("hands out the orders that came before and after", async () => {
    const [coordinator, bus] = [await connect(), await connect()];
    const runner = aProcess("runner");
    const start = subjects.start.of({ runner });
    const { signal } = new AbortController();
    await coordinator.commands.ensureQueues(runner);
    const waiting = bus.commands.next(runner, "start", signal);
    await crash();
    await coordinator.commands.publish(start, { id: anId(), payload: bytes("1") });
    const one = await waiting;
    expect(one === undefined ? "" : text(one.payload)).toBe("1");
    // A server that lost, with its life, that it had handed the order out hands it out again, and
    // answers nobody who acknowledges the first time.
    const acknowledged = one?.ack().then(
      () => true,
      () => false,
    );
    await crash();
    const known = await acknowledged;
    await coordinator.commands.publish(start, { id: anId(), payload: bytes("2") });
    const after: string[] = [];
    while (after.at(-1) !== "2") {
      const order = await bus.commands.next(runner, "start", signal);
      after.push(order === undefined ? "" : text(order.payload));
      await order?.ack();
    }
    expect(known ? [["2"]] : [["1", "2"], ["2"]]).toContainEqual(after);
  });

  it("hands an order on at once that came when its taker had gone", async () => {
    const bus = await connect();
    const runner = aProcess("runner");
    await bus.commands.ensureQueues(runner);
    const stop = new AbortController();
    const leaving = bus.commands.next(runner, "start", stop.signal);
    // Its request is with the server, which answers in order.
    await bus.bucket(buckets.runners).get(runner);
    stop.abort();
    expect(await leaving).toBeUndefined();
    const start = { id: anId(), payload: bytes("1") };
    await bus.commands.publish(subjects.start.of({ runner }), start);
    const order = await bus.commands.next(runner, "start", new AbortController().signal);
    expect(order === undefined ? "" : text(order.payload)).toBe("1");
  }, 10_000);

  it("shows a watcher also what went while it was away", async () => {
    const [writer, watcher] = [await connect(), await connect()];
    const [lapsing, staying, changing] = [aProcess("key"), aProcess("key"), aProcess("key")];
    const stop = new AbortController();
    const bucket = writer.bucket(buckets.runners);
    const seen = collect(watcher.bucket(buckets.runners).watch(stop.signal));
    await bucket.put(lapsing, bytes("1"), { ttlMs: 1_000 });
    for (const key of [staying, changing]) await bucket.put(key, bytes("1"));
    await seen.until((items) => items.some((item) => "key" in item && item.key === changing));
    await crash();
    await bucket.put(changing, bytes("2"));
    const about = (key: string, items: readonly object[]) =>
      items.flatMap((item) => {
        if (!("key" in item) || item.key !== key) return [];
        return ["value" in item ? text(item.value as Uint8Array) : "gone"];
      });
    const items = await seen.until(
      (items) => about(lapsing, items).includes("gone") && about(changing, items).includes("2"),
    );
    stop.abort();
    expect(about(lapsing, items)).toEqual(["1", "gone"]);
    expect(about(staying, items)).toEqual(["1"]);
    expect(about(changing, items)).toEqual(["1", "2"]);
  });

  it("has requests answered that were asked meanwhile", async () => {
    const [coordinator, client] = [await connect(), await connect()];
    const subject = subjects.apiRun.of({ run: aRun(), verb: "stop" });
    const stop = coordinator.requests.serve([subject], async () => bytes("here"));
    await client.requests.ask(subject, bytes("1"), 2_000);
    await nats.kill9();
    const asking = client.requests.ask(subject, bytes("2"), 20_000);
    await nats.start();
    expect(text(await asking)).toBe("here");
    await stop();
  });

  it("is told of as it is", async () => {
    const bus = await connect();
    const stop = new AbortController();
    const seen = collect(bus.status(stop.signal));
    await seen.until((items) => items.length === 1);
    await nats.kill9();
    await seen.until((items) => items.length === 2);
    await nats.start();
    const items = await seen.until((items) => items.length === 3);
    expect(items).toEqual(["connected", "disconnected", "connected"]);
    stop.abort();
  });
});

describe("a server whose answers do not arrive", () => {
  async function behindProxy() {
    const proxy = await holdingProxy(Number(new URL(nats.url).port));
    onTestFinished(() => proxy.close());
    const bus = await natsBus({ servers: `nats://127.0.0.1:${proxy.port}`, name: "behind" });
    onTestFinished(() => bus.close());
    return { proxy, bus };
  }

  /** A message that is stored while its writer does not hear so and has sent it again. */
  async function storedUnheard() {
    const { proxy, bus } = await behindProxy();
    const other = await connect();
    const subject = subjects.decision.of({ run: aRun() });
    const message = { id: anId(), payload: bytes("1"), expectedLast: 0 };
    proxy.hold();
    const storing = bus.events.append(subject, message);
    await proxy.sent(message.id, 2);
    const stored = await other.events.last(subject);
    return { proxy, other, subject, storing, stored };
  }

  it("has a message once that was sent again", async () => {
    const { proxy, other, subject, storing, stored } = await storedUnheard();
    expect(stored).toBeDefined();
    proxy.release();
    expect(await storing).toEqual({ status: "stored", sequence: stored?.sequence });
    const found = [];
    for await (const each of other.events.read([subject])) found.push(each);
    expect(found).toHaveLength(1);
  });

  it("gets output in its order, also when it is sent again", async () => {
    const { proxy, bus } = await behindProxy();
    const other = await connect();
    const subject = subjects.output.of({
      runner: "r",
      run: aRun(),
      instance: anId(),
      attempt: "1",
    });
    const [one, two] = [anId(), anId()];
    proxy.hold();
    const published = [one, two].map((line) => bus.output.publish(subject, bytes(line), {}));
    await proxy.sent(one, 2);
    expect(proxy.said(two)).toBe(false);
    proxy.release();
    await Promise.all(published);
    const lines: string[] = [];
    for await (const { payload } of other.output.read([subject])) lines.push(text(payload));
    expect(lines).toEqual([one, two]);
  });

  it("breaks the chain of a writer that another has followed meanwhile", async () => {
    const { proxy, other, subject, storing, stored } = await storedUnheard();
    // Somebody else chains on before the writer learns that its message was stored.
    const expectedLast = stored?.sequence ?? -1;
    await other.events.append(subject, { id: anId(), payload: bytes("2"), expectedLast });
    proxy.release();
    expect(await storing).toEqual({ status: "conflict" });
  });

  it("is given up on when told to", async () => {
    const { proxy, bus } = await behindProxy();
    const giveUp = new AbortController();
    const message = { id: anId(), payload: bytes("1"), expectedLast: 0 };
    const subject = subjects.decision.of({ run: aRun() });
    proxy.hold();
    const storing = bus.events.append(subject, message, giveUp.signal);
    await proxy.sent(message.id, 1);
    giveUp.abort();
    await expect(storing).rejects.toMatchObject({ code: "bus_unavailable" });
  });
});

describe("a server that lost what it had", () => {
  it("stops a follower whose stream went back", async () => {
    const bus = await connect();
    const run = aRun();
    const subject = subjects.decision.of({ run });
    const chain = openChain(bus.events, subject, 0);
    await chain.append({ id: anId(), payload: bytes("kept") });
    await nats.shutDown();
    const backup = `${nats.storeDir}.backup`;
    await cp(nats.storeDir, backup, { recursive: true });
    await nats.start();
    const stop = new AbortController();
    const seen = collect(bus.events.follow([subject], { signal: stop.signal }));
    await chain.append({ id: anId(), payload: bytes("lost") });
    await seen.until((items) => items.length === 3);
    await nats.kill9();
    await rm(nats.storeDir, { recursive: true });
    await cp(backup, nats.storeDir, { recursive: true });
    await nats.start();
    await expect(seen.until(() => false)).rejects.toMatchObject({
      code: "chain_conflict",
      message: expect.stringContaining("went back"),
    });
    stop.abort();
  });

  it("has a follower of output go on with what comes, where the end of it was lost", async () => {
    const bus = await connect();
    const subject = subjects.output.of({
      ...{ runner: aProcess("runner"), run: aRun() },
      ...{ instance: "0123456789abcdef", attempt: "1" },
    });
    await bus.output.publish(subject, bytes("kept"), {});
    await nats.shutDown();
    const backup = `${nats.storeDir}.backup-of-output`;
    await cp(nats.storeDir, backup, { recursive: true });
    await nats.start();
    const stop = new AbortController();
    const seen = collect(bus.output.follow([subject], { signal: stop.signal }));
    for (const text of ["lost", "lost too"]) await bus.output.publish(subject, bytes(text), {});
    await seen.until((items) => items.length === 4);
    await nats.kill9();
    await rm(nats.storeDir, { recursive: true });
    await cp(backup, nats.storeDir, { recursive: true });
    await nats.start();
    // What takes the place of a message that was read may be missed, and what follows it may not.
    for (let n = 0; n < 3; n += 1) await bus.output.publish(subject, bytes("new"), {});
    const isNew = (item: unknown) =>
      typeof item === "object" &&
      item !== null &&
      "payload" in item &&
      Buffer.from(item.payload as Uint8Array).toString() === "new";
    await seen.until((items) => items.some(isNew));
    stop.abort();
  });

  it("tells a watcher that everything is gone", async () => {
    const bus = await connect();
    const key = aProcess("key");
    const stop = new AbortController();
    const seen = collect(bus.bucket(buckets.runners).watch(stop.signal));
    await bus.bucket(buckets.runners).put(key, bytes("1"));
    await seen.until((items) => items.some((item) => "key" in item && item.key === key));
    await nats.kill9();
    await rm(nats.storeDir, { recursive: true });
    await nats.start();
    await provisioned();
    await seen.until((items) => items.some((item) => "gone" in item && item.key === key));
    stop.abort();
  });

  it("stops a follower whose stream was made anew", async () => {
    const other = await startNatsProcess();
    onTestFinished(() => other.stop());
    await provision({ servers: other.url, name: "admin", maxStoreBytes: 512 * 1024 ** 2 });
    await other.shutDown();
    const bus = await connect();
    const subject = subjects.decision.of({ run: aRun() });
    const stop = new AbortController();
    const seen = collect(bus.events.follow([subject], { signal: stop.signal }));
    await seen.until((items) => items.length === 1);
    await nats.kill9();
    await rm(nats.storeDir, { recursive: true });
    // Made before the follower can ask: it would be told that there is no stream at all.
    await cp(other.storeDir, nats.storeDir, { recursive: true });
    await nats.start();
    await expect(seen.until(() => false)).rejects.toMatchObject({
      code: "chain_conflict",
      message: expect.stringContaining("another than before"),
    });
    stop.abort();
  });
});
