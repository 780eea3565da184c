import { type Bus, generateUser, natsBus, provision } from "@pitaya/bus";
import {
  anId,
  anInstance,
  aRun,
  bytes,
  collect,
  type PermissionProbe,
  permissionProbe,
  text,
} from "@pitaya/bus/contract";
import { buckets, runEvents, signOf, streams, subjects } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startNats, type TestNats } from "../../support/nats.ts";

const USERS = [
  { role: "admin", id: "admin" },
  { role: "coordinator", id: "c1" },
  { role: "runner", id: "r1" },
  { role: "runner", id: "r2" },
  { role: "cli", id: "u1" },
  { role: "cli", id: "u2" },
] as const;
type UserId = (typeof USERS)[number]["id"];

let nats: TestNats;
const probes = new Map<string, PermissionProbe>();
const buses = new Map<string, Bus>();

beforeAll(async () => {
  nats = await startNats({ users: USERS });
  const as = (id: string) => ({ servers: nats.url, name: id, user: nats.user(id) });
  await provision({ ...as("admin"), maxStoreBytes: 512 * 1024 ** 2 });
  for (const { id } of USERS) {
    probes.set(id, await permissionProbe(as(id)));
    buses.set(id, await natsBus(as(id)));
  }
  await bus("c1").commands.ensureQueues("r1");
  await bus("c1").commands.ensureQueues("r2");
});
afterAll(async () => {
  await Promise.all([...probes.values(), ...buses.values()].map((each) => each.close()));
  await nats.stop();
});

const bus = (id: UserId): Bus => buses.get(id) ?? expect.fail(`no ${id}`);
const probe = (id: UserId): PermissionProbe => probes.get(id) ?? expect.fail(`no ${id}`);

const run = aRun();
const instance = anInstance();
const fact = (runner: string) => subjects.fact.of({ run, runner, instance, attempt: "1" });
const output = (runner: string) => subjects.output.of({ run, runner, instance, attempt: "1" });
const note = (client: string) => subjects.note.of({ run, client });
const blob = (writer: string) => subjects.blob.of({ writer, sha256: "0".repeat(64), part: "0" });
const kv = (bucket: { name: string }, key: string) => `$KV.${bucket.name}.${key}`;

const clis: readonly UserId[] = ["u1", "u2"];
const runners: readonly UserId[] = ["r1", "r2"];
const everyone = USERS.map(({ id }) => id);

/** Who may publish what. Written by hand: it is what the generated lists are held against. */
const publishing: readonly (readonly [subject: string, who: readonly UserId[]])[] = [
  [subjects.decision.of({ run }), ["c1"]],
  [fact("r1"), ["c1", "r1"]],
  [fact("r2"), ["c1", "r2"]],
  [note("u1"), ["u1"]],
  [note("u2"), ["u2"]],
  [subjects.start.of({ runner: "r1" }), ["c1"]],
  [subjects.control.of({ runner: "r1", verb: "cancel" }), ["c1"]],
  [output("r1"), ["r1"]],
  [output("r2"), ["r2"]],
  [blob("c1"), ["c1"]],
  [blob("r1"), ["r1"]],
  [blob("u1"), ["u1"]],
  [kv(buckets.leases, "coordinator"), ["c1"]],
  [kv(buckets.coordinators, "c1"), ["c1"]],
  [kv(buckets.coordinators, "c2"), []],
  [kv(buckets.runners, "r1"), ["r1"]],
  [kv(buckets.runners, "r1.about"), ["c1", "r1"]],
  [kv(buckets.runners, "r1.inventory"), ["c1", "r1"]],
  [kv(buckets.runners, "r2.inventory"), ["c1", "r2"]],
  [kv(buckets.runners, "r2"), ["r2"]],
  [kv(buckets.runs, run), ["c1"]],
  [kv(buckets.pins, `r1.${"0".repeat(64)}`), ["r1"]],
  [kv(buckets.pins, `u1.${"0".repeat(64)}`), ["u1"]],
  [subjects.api.of({ verb: "submit" }), clis],
  [subjects.api.of({ verb: "gc" }), clis],
  [subjects.api.of({ verb: "runner-secret" }), runners],
  [subjects.api.of({ verb: "prune" }), []],
  [subjects.apiRun.of({ run, verb: "stop" }), clis],
  [subjects.apiKeys.of({ coordinator: "c1" }), ["c1", ...clis]],
  ["_INBOX_u1.guess", []],
  ["_INBOX_r1.guess", []],
  ["_INBOX_c1.guess", []],
  ["_R_.guess", []],
  ["$JS.ACK.PITAYA_COMMANDS.r1-start.1.1.1.1.0", ["r1"]],
  ["$JS.ACK.PITAYA_COMMANDS.r2-ctl.1.1.1.1.0", ["r2"]],
  ["$SYS.REQ.SERVER.PING", []],
  ["anything.else", []],
];

/** Who may make which request of JetStream. */
const requesting: readonly (readonly [request: string, who: readonly UserId[]])[] = [
  ["INFO", ["admin"]],
  ["STREAM.NAMES", ["admin"]],
  ["STREAM.DELETE.NONE", ["admin"]],
  ["STREAM.PURGE.NONE", ["admin"]],
  ["STREAM.UPDATE.NONE", ["admin"]],
  ["STREAM.CREATE.PITAYA_EVENTS", ["admin"]],
  ["STREAM.MSG.DELETE.PITAYA_EVENTS", ["admin"]],
  ["STREAM.MSG.GET.PITAYA_EVENTS", ["admin"]],
  ["STREAM.MSG.GET.PITAYA_COMMANDS", ["admin"]],
  ["STREAM.MSG.GET.KV_PITAYA_LEASES", ["admin", "c1"]],
  ["STREAM.INFO.PITAYA_EVENTS", ["admin", "c1", ...clis]],
  ["STREAM.INFO.PITAYA_COMMANDS", ["admin", "c1"]],
  ["STREAM.INFO.PITAYA_BLOBS", ["admin", "c1"]],
  ["STREAM.INFO.PITAYA_OUTPUT", ["admin", ...clis]],
  ["DIRECT.GET.KV_PITAYA_PINS", ["admin", "c1"]],
  ["DIRECT.GET.PITAYA_EVENTS", ["admin", "c1", ...clis]],
  [`DIRECT.GET.PITAYA_EVENTS.${fact("r1")}`, ["admin", "c1", "r1", ...clis]],
  [`DIRECT.GET.PITAYA_EVENTS.${fact("r2")}`, ["admin", "c1", "r2", ...clis]],
  [`DIRECT.GET.PITAYA_EVENTS.${subjects.decision.of({ run })}`, ["admin", "c1", ...clis]],
  ["DIRECT.GET.PITAYA_OUTPUT", ["admin", ...clis]],
  [`DIRECT.GET.PITAYA_OUTPUT.${output("r1")}`, ["admin", "r1", ...clis]],
  ["DIRECT.GET.PITAYA_BLOBS", ["admin"]],
  [`DIRECT.GET.PITAYA_BLOBS.${blob("u1")}`, everyone],
  ["DIRECT.GET.KV_PITAYA_RUNS", ["admin", "c1", ...clis]],
  ["DIRECT.GET.KV_PITAYA_RUNNERS", ["admin", "c1", ...clis]],
  [`DIRECT.GET.KV_PITAYA_RUNNERS.${kv(buckets.runners, "r1")}`, ["admin", "c1", "r1", ...clis]],
  ["DIRECT.GET.KV_PITAYA_LEASES", ["admin"]],
  ["CONSUMER.CREATE.PITAYA_EVENTS.x", ["admin"]],
  ["CONSUMER.CREATE.PITAYA_BLOBS.x", ["admin"]],
  ["CONSUMER.CREATE.PITAYA_COMMANDS.x.y", ["admin", "c1"]],
  ["CONSUMER.DURABLE.CREATE.PITAYA_COMMANDS.x", ["admin"]],
  ["CONSUMER.LIST.PITAYA_COMMANDS", ["admin", "c1"]],
  ["CONSUMER.DELETE.PITAYA_COMMANDS.none", ["admin", "c1"]],
  ["CONSUMER.LIST.PITAYA_EVENTS", ["admin", "c1"]],
  ["CONSUMER.DELETE.PITAYA_EVENTS.none", ["admin", "c1"]],
  ["CONSUMER.DELETE.PITAYA_OUTPUT.none", ["admin", "c1"]],
  ["CONSUMER.DELETE.PITAYA_BLOBS.none", ["admin"]],
  ["CONSUMER.MSG.NEXT.PITAYA_COMMANDS.r1-start", ["admin", "r1"]],
  ["CONSUMER.MSG.NEXT.PITAYA_COMMANDS.r2-start", ["admin", "r2"]],
  ["CONSUMER.MSG.NEXT.PITAYA_COMMANDS.r2-ctl", ["admin", "r2"]],
];

const subscribing: readonly (readonly [subject: string, who: readonly UserId[]])[] = [
  [">", []],
  ["_INBOX_u1.>", ["u1"]],
  ["_INBOX_r1.>", ["r1"]],
  ["_INBOX_c1.>", ["c1"]],
  ["_R_.>", []],
  ["pitaya.v1.evt.>", []],
  ["pitaya.v1.cmd.>", []],
  ["pitaya.v1.cmd.r1.start", []],
  ["pitaya.v1.out.>", []],
  ["pitaya.v1.sign.>", []],
  [signOf("pitaya.v1.evt.>"), ["c1", ...clis]],
  [signOf("pitaya.v1.out.>"), clis],
  [signOf("$KV.PITAYA_LEASES.>"), ["c1"]],
  [signOf("$KV.PITAYA_RUNS.>"), ["c1", ...clis]],
  [signOf("$KV.PITAYA_RUNNERS.>"), ["c1", ...clis]],
  [signOf("$KV.PITAYA_PINS.>"), ["c1"]],
  ["pitaya.v1.blob.>", []],
  ["pitaya.v1.api.submit", ["c1"]],
  // `*` in a list of subjects lets a last `>` through; it is the coordinator's anyway.
  ["pitaya.v1.api.>", ["c1"]],
  [subjects.api.of({ verb: "runner-secret" }), ["c1"]],
  [subjects.apiRun.of({ run, verb: "secrets" }), ["c1"]],
  [subjects.apiKeys.of({ coordinator: "c1" }), ["c1"]],
  [subjects.apiKeys.of({ coordinator: "c2" }), []],
  ["$KV.PITAYA_LEASES.>", []],
  ["$KV.PITAYA_RUNS.>", []],
  ["$KV.PITAYA_PINS.>", []],
  ["$JS.API.>", []],
  ["$JS.ACK.>", []],
  ["$JS.EVENT.ADVISORY.>", []],
  ["$SYS.>", []],
];

async function whoMay(tries: (probe: PermissionProbe) => Promise<boolean>): Promise<string[]> {
  const answers = await Promise.all(
    USERS.map(async ({ id }) => ((await tries(probe(id))) ? [id] : [])),
  );
  return answers.flat().sort();
}

describe("who may do what", () => {
  it.each(publishing)("publish %s: %j", async (subject, who) => {
    expect(await whoMay((each) => each.publishes(subject))).toEqual([...who].sort());
  });

  it.each(requesting)("request %s: %j", async (request, who) => {
    expect(await whoMay((each) => each.publishes(each.api(request)))).toEqual([...who].sort());
  });

  it.each(subscribing)("subscribe to %s: %j", async (subject, who) => {
    expect(await whoMay((each) => each.subscribes(subject))).toEqual([...who].sort());
  });
});

describe("looking the store over", () => {
  it("is the coordinator's, who can do all of it", async () => {
    const { upkeep, commands, bucket } = bus("c1");
    await commands.ensureQueues("r9");
    const order = { id: anId(), payload: bytes("{}") };
    await commands.publish(subjects.start.of({ runner: "r9" }), order);
    const ref = await bus("u1").blobs.put(async function* () {
      yield bytes("a blob");
    });
    expect(await upkeep.blobs()).toContainEqual(expect.objectContaining({ writer: "u1" }));
    expect(await upkeep.manifest(ref)).toEqual(ref);
    expect((await bucket(buckets.pins).entries()).map(({ key }) => key)).toContain(
      `u1.${ref.sha256}`,
    );
    await upkeep.removeBlob(ref);
    await upkeep.removeOrders("r9");
    for (const name of ["r9-start", "r9-ctl"]) await upkeep.removeQueue(name);
    await bucket(buckets.runners).delete("r9.about");
    expect(await bus("u1").blobs.has(ref)).toBe(false);
    expect((await upkeep.orders()).has("r9")).toBe(false);
    expect(await upkeep.queues()).not.toContain("r9-start");
  });

  it("finds durable consumers where there are to be none, and removes them", async () => {
    const { upkeep } = bus("c1");
    const left = [streams.events, streams.output].map(({ name }) => `${name}/left`);
    for (const stream of left.map((name) => name.split("/")[0])) {
      const config = { durable_name: "left", ack_policy: "explicit", deliver_policy: "all" };
      const payload = bytes(JSON.stringify({ stream_name: stream, config }));
      const request = probe("admin").api(`CONSUMER.DURABLE.CREATE.${stream}.left`);
      expect(await probe("admin").publishes(request, { payload })).toBe(true);
    }
    await expect.poll(async () => (await upkeep.strayConsumers()).toSorted()).toEqual(left);
    for (const name of [...left, ...left]) await upkeep.removeStrayConsumer(name);
    expect(await upkeep.strayConsumers()).toEqual([]);
  });

  it.each(["r1", "u1"] as const)("is refused to %s", async (id) => {
    await expect(bus(id).upkeep.blobs()).rejects.toMatchObject({ code: "permission_denied" });
    const removing = bus(id).upkeep.removeBlob({ writer: id, sha256: "0".repeat(64) });
    await expect(removing).rejects.toMatchObject({ code: "permission_denied" });
  });
});

describe("a guest that names a subject of others for the answer", () => {
  /** What must stay as it is, and how one sees that it did. */
  async function present() {
    const leases = bus("c1").bucket(buckets.leases);
    const last = await bus("c1").events.last(subjects.decision.of({ run }));
    return {
      decision: last?.sequence,
      lease: (await leases.get("coordinator"))?.revision,
      events: (await bus("c1").events.state()).fill > 0,
    };
  }

  const targets = [
    subjects.decision.of({ run }),
    kv(buckets.leases, "coordinator"),
    subjects.start.of({ runner: "r2" }),
    "$JS.API.STREAM.PURGE.PITAYA_EVENTS",
  ];

  async function attack(id: UserId, ownSubject: string, request: string): Promise<void> {
    await probe(id).publishes(ownSubject, { payload: bytes("{}") });
    for (const reply of targets) {
      await probe(id).publishes(ownSubject, { payload: bytes("{}"), reply });
      await probe(id).publishes(probe(id).api(request), { reply });
    }
  }

  const nextOrder = (signal: AbortSignal) => bus("r2").commands.next("r2", "start", signal);

  it("changes nothing", async () => {
    const { events, bucket } = bus("c1");
    const decision = subjects.decision.of({ run });
    const expectedLast = (await events.last(decision))?.sequence ?? 0;
    await events.append(decision, { id: anId(), payload: bytes("decided"), expectedLast });
    await bucket(buckets.leases).put("coordinator", bytes("c1"), { ttlMs: 60_000 });
    for (let order = await nextOrder(AbortSignal.timeout(200)); order !== undefined; ) {
      await order.ack();
      order = await nextOrder(AbortSignal.timeout(200));
    }
    const before = await present();

    await attack("u1", note("u1"), `DIRECT.GET.PITAYA_EVENTS.${note("u1")}`);
    await attack("r1", fact("r1"), `DIRECT.GET.PITAYA_EVENTS.${fact("r1")}`);

    // The same from inside the account with the streams does what it says: the way is a real one,
    // and what the guests sent before has been dealt with.
    const order = nextOrder(new AbortController().signal);
    await probe("c1").publishes(`$JS.API.DIRECT.GET.PITAYA_EVENTS.${note("u1")}`, {
      reply: subjects.start.of({ runner: "r2" }),
    });
    const got = await order;
    expect(got === undefined ? "" : text(got.payload)).toBe("{}");
    expect(await present()).toEqual(before);
  });

  it("does not see what others get", async () => {
    const sniffed = probe("u2").received("_INBOX_u2.>");
    await bus("u1").events.last(note("u1"));
    await probe("u2").settled();
    expect(sniffed).toEqual([]);
  });
});

describe("every role does its work", () => {
  it("from the submit to the import", async () => {
    const [coordinator, runner, client] = [bus("c1"), bus("r1"), bus("u1")];
    const run = aRun();
    const attempt = { run, runner: "r1", instance, attempt: "1" };
    const stop = new AbortController();
    const followed = collect(client.events.follow(runEvents(run), { signal: stop.signal }));
    const shown = collect(
      client.output.follow([subjects.output.of(attempt)], { signal: stop.signal }),
    );
    await shown.until((items) => items.length === 1);

    const bundle = await client.blobs.put(async function* () {
      yield Buffer.alloc(600_000, 1);
    });
    coordinator.requests.serve([subjects.api.of({ verb: "submit" })], async () =>
      bytes("accepted"),
    );
    const submitted = await client.requests.ask(
      subjects.api.of({ verb: "submit" }),
      bytes("{}"),
      2_000,
    );
    expect(text(submitted)).toBe("accepted");

    await runner.bucket(buckets.runners).put("r1", bytes("alive"), { ttlMs: 5_000 });
    expect((await coordinator.bucket(buckets.runners).entries()).map(({ key }) => key)).toContain(
      "r1",
    );
    const decision = subjects.decision.of({ run });
    await coordinator.events.append(decision, {
      id: anId(),
      payload: bytes("placed"),
      expectedLast: 0,
    });
    const start = { id: anId(), payload: bytes("start") };
    await coordinator.commands.publish(subjects.start.of({ runner: "r1" }), start);

    let order = await runner.commands.next("r1", "start", stop.signal);
    while (order !== undefined && text(order.payload) !== "start") {
      await order.ack();
      order = await runner.commands.next("r1", "start", stop.signal);
    }
    const claim = { id: anId(), payload: bytes("claimed"), expectedLast: 0 };
    const claimed = await runner.events.append(subjects.fact.of(attempt), claim);
    await order?.ack();
    expect(await coordinator.blobs.has(bundle)).toBe(true);
    let received = 0;
    for await (const part of runner.blobs.get(bundle)) received += part.byteLength;
    expect(received).toBe(600_000);
    await runner.output.publish(subjects.output.of(attempt), bytes("hello"), {});
    const shownLast = await runner.output.last(subjects.output.of(attempt));
    expect(shownLast === undefined ? "" : text(shownLast.payload)).toBe("hello");

    const expectedLast = claimed.status === "stored" ? claimed.sequence : -1;
    const seal = { id: anId(), payload: bytes("sealed"), expectedLast };
    expect((await coordinator.events.append(subjects.fact.of(attempt), seal)).status).toBe(
      "stored",
    );
    const late = { id: anId(), payload: bytes("done"), expectedLast };
    expect(await runner.events.append(subjects.fact.of(attempt), late)).toEqual({
      status: "conflict",
    });
    await client.events.note(subjects.note.of({ run, client: "u1" }), {
      id: anId(),
      payload: bytes("imported"),
    });

    const items = await followed.until((items) => items.length === 5);
    const payloads = items.flatMap((item) => ("payload" in item ? [text(item.payload)] : []));
    expect(payloads).toEqual(["placed", "claimed", "sealed", "imported"]);
    await shown.until((items) => items.length === 2);
    stop.abort();
  });

  it("and hears at once of what others stored, without what it was", async () => {
    const signs = probe("u1").received(signOf(fact("r1")));
    await probe("u1").settled();
    const last = await bus("r1").events.last(fact("r1"));
    const message = { id: anId(), payload: bytes("secret?"), expectedLast: last?.sequence ?? 0 };
    await bus("r1").events.append(fact("r1"), message);
    // Stored before it was acknowledged, and said before that: one round trip later it is here.
    await probe("u1").settled();
    expect(signs).toEqual([{ subject: signOf(fact("r1")), payload: "" }]);
  });

  it("and is told clearly where it may not", async () => {
    const decision = subjects.decision.of({ run: aRun() });
    const forged = { id: anId(), payload: bytes("forged"), expectedLast: 0 };
    const denied = { code: "permission_denied" };
    await expect(bus("u1").events.append(decision, forged)).rejects.toMatchObject(denied);
    await expect(bus("r1").events.last(decision)).rejects.toMatchObject(denied);
    const { signal } = new AbortController();
    await expect(bus("r1").commands.next("r2", "start", signal)).rejects.toMatchObject(denied);
    await expect(bus("r1").commands.ensureQueues("r1")).rejects.toMatchObject(denied);
    const following = bus("r1").events.follow(runEvents(run), { signal });
    await expect(following[Symbol.asyncIterator]().next()).rejects.toMatchObject(denied);
    await expect(bus("u1").bucket(buckets.leases).entries()).rejects.toMatchObject(denied);
  });
});

describe("a coordinator", () => {
  it("answers to inboxes only, whatever a request names", async () => {
    const subject = subjects.apiKeys.of({ coordinator: "c1" });
    const stop = bus("c1").requests.serve([subject], async (_, payload) => payload);
    await bus("u1").requests.ask(subject, bytes("ready?"), 5_000);
    await probe("c1").publishes(subject, {
      payload: bytes("forged"),
      reply: subjects.start.of({ runner: "r1" }),
    });
    expect(text(await bus("u1").requests.ask(subject, bytes("still?"), 5_000))).toBe("still?");
    const start = { id: anId(), payload: bytes("real") };
    await bus("c1").commands.publish(subjects.start.of({ runner: "r1" }), start);
    const order = await bus("r1").commands.next("r1", "start", new AbortController().signal);
    expect(order === undefined ? "" : text(order.payload)).toBe("real");
    await order?.ack();
    await stop();
  });
});

describe("a guest's request", () => {
  it("that nobody answers is told so", async () => {
    const asking = bus("u1").requests.ask(
      subjects.apiRun.of({ run, verb: "stop" }),
      bytes(""),
      300,
    );
    await expect(asking).rejects.toMatchObject({ code: "no_coordinator" });
  });
});

describe("a server with users", () => {
  it("refuses a stranger, and whoever brings no credential", async () => {
    const stranger = { servers: nats.url, name: "x", user: generateUser("coordinator", "c1") };
    await expect(natsBus(stranger)).rejects.toMatchObject({ code: "permission_denied" });
    const nobody = natsBus({ servers: nats.url, name: "x" });
    await expect(nobody).rejects.toMatchObject({ code: "permission_denied" });
  });
});
