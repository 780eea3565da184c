import { natsBus, provision } from "@pitaya/bus";
import { anId, aRun, bytes } from "@pitaya/bus/contract";
import { buckets, subjects } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startNatsProcess, type TestNatsProcess } from "../../support/nats.ts";
import { spawnNats } from "../../support/nats-process.ts";
import { serverOfVersion } from "../../support/old-server.ts";

const MIB = 1024 ** 2;

describe("provisioning", () => {
  let nats: TestNatsProcess;
  beforeAll(async () => {
    nats = await startNatsProcess();
  });
  afterAll(() => nats.stop());

  const admin = () => ({ servers: nats.url, name: "admin" });

  it("may be repeated, and follows a change of the budget", async () => {
    await provision({ ...admin(), maxStoreBytes: 200 * MIB });
    await provision({ ...admin(), maxStoreBytes: 200 * MIB });
    const bus = await natsBus(admin());
    onTestFinished(() => bus.close());
    const event = { id: anId(), payload: bytes("x".repeat(100_000)), expectedLast: 0 };
    await bus.events.append(subjects.decision.of({ run: aRun() }), event);
    const { fill: before } = await bus.events.state();
    await provision({ ...admin(), maxStoreBytes: 400 * MIB });
    expect(before / (await bus.events.state()).fill).toBeCloseTo(2, 1);
  });

  it("leaves room for what it promised, and says when there is none", async () => {
    await provision({ ...admin(), maxStoreBytes: 64 * MIB });
    const bus = await natsBus(admin());
    onTestFinished(() => bus.close());
    const source = async function* () {
      for (let i = 0; i < 200; i += 1) yield Buffer.alloc(256 * 1024, i % 251);
    };
    await expect(bus.blobs.put(source)).rejects.toMatchObject({ code: "store_full" });
  });

  it("says so when the server cannot give that much", async () => {
    const tiny = await startNatsProcess({ maxStoreBytes: 10 * MIB });
    onTestFinished(() => tiny.stop());
    const asked = provision({ servers: tiny.url, name: "admin", maxStoreBytes: 100 * MIB });
    await expect(asked).rejects.toMatchObject({
      code: "store_full",
      message: expect.stringContaining("PITAYA_"),
    });
  });

  it("takes what room there is where no budget is given, and leaves it at that", async () => {
    const small = await startNatsProcess({ maxStoreBytes: 2 * 1024 * MIB });
    onTestFinished(() => small.stop());
    const at = { servers: small.url, name: "admin" };
    await provision(at);
    const bus = await natsBus(at);
    onTestFinished(() => bus.close());
    const event = { id: anId(), payload: bytes("x".repeat(100_000)), expectedLast: 0 };
    await bus.events.append(subjects.decision.of({ run: aRun() }), event);
    const { fill: filled } = await bus.events.state();
    await provision(at);
    expect((await bus.events.state()).fill).toBe(filled);
  });

  it("is what everything else needs", async () => {
    const empty = await startNatsProcess();
    onTestFinished(() => empty.stop());
    const bus = await natsBus({ servers: empty.url, name: "early" });
    onTestFinished(() => bus.close());
    const misconfigured = { code: "server_misconfigured" };
    const reading = bus.events.read([subjects.decision.of({ run: aRun() })]);
    await expect(reading[Symbol.asyncIterator]().next()).rejects.toMatchObject(misconfigured);
    await expect(bus.commands.ensureQueues("r1")).rejects.toMatchObject(misconfigured);
    await expect(bus.bucket(buckets.leases).get("coordinator")).rejects.toMatchObject(
      misconfigured,
    );
  });
});

describe("a server that will not do", () => {
  it.each(["2.9.10", "2.10.27", "2.11.9"])("is refused when it is version %s", async (version) => {
    const old = await serverOfVersion(version);
    onTestFinished(() => old.close());
    const at = { servers: old.url, name: "admin" };
    for (const refused of [natsBus(at), provision(at)]) {
      await expect(refused).rejects.toMatchObject({
        code: "server_too_old",
        message: expect.stringMatching(`version ${version}; .* 2\\.12`),
        hint: expect.stringContaining("nats-server"),
      });
    }
  });

  it("is refused without JetStream", async () => {
    const plain = await spawnNats([], 0);
    onTestFinished(() => plain.kill("SIGTERM"));
    const at = { servers: `nats://127.0.0.1:${plain.port}`, name: "admin" };
    await expect(provision(at)).rejects.toMatchObject({
      code: "server_misconfigured",
      message: expect.stringContaining("without JetStream"),
    });
  });

  it("is said not to be there when nothing listens", async () => {
    const gone = await serverOfVersion("2.15.1");
    await gone.close();
    await expect(natsBus({ servers: gone.url, name: "x" })).rejects.toMatchObject({
      code: "bus_unavailable",
      message: expect.stringContaining(gone.url),
    });
  });
});
