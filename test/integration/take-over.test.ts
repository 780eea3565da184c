import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, type Bus, decode, natsBus, provision } from "@pitaya/bus";
import { fakeRunner, sampleRun, succeeded } from "@pitaya/coordinator/testing";
import { DecisionMessage, runEvents, subjects } from "@pitaya/protocol";
import { runLog, runView } from "@pitaya/views";
import { expect, it, onTestFinished } from "vitest";
import { startNatsProcess } from "../support/nats.ts";

const LEASE_MS = 5_000;
const program = join(import.meta.dirname, "../../services/coordinator/main.ts");

it("one of two coordinators is killed, and the other decides within the lease and a second", async () => {
  const { as, coordinator } = await fleet();
  const client = await as("u1");
  const runnerBus = await as("r1");
  const runner = await fakeRunner(runnerBus, "r1", LEASE_MS);
  const beat = setInterval(() => void runner.heartbeat(), LEASE_MS / 5);
  onTestFinished(() => {
    clearInterval(beat);
    runner.stop();
  });

  const first = await coordinator("c1");
  const { run } = await submit(client);
  const attempt = await runner.take();
  await coordinator("c2");
  const killedAt = Date.now();
  first.kill("SIGKILL");
  const decided = await nextEpoch(client, run);
  expect(decided - killedAt).toBeLessThan(LEASE_MS + 1_000);
  await attempt.tell(succeeded());
  await untilSucceeded(client, run);
}, 120_000);

async function fleet() {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-take-over-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const users = [
    { role: "admin", id: "a1" },
    { role: "cli", id: "u1" },
    { role: "coordinator", id: "c1" },
    { role: "coordinator", id: "c2" },
    { role: "runner", id: "r1" },
  ] as const;
  const nats = await startNatsProcess({ users });
  onTestFinished(() => nats.stop());
  await provision({ servers: nats.url, name: "a1", user: nats.user("a1") });
  for (const { id } of users) await writeFile(join(dir, id), JSON.stringify(nats.user(id)));

  async function as(id: string): Promise<Bus> {
    const bus = await natsBus({ servers: nats.url, name: id, user: nats.user(id) });
    onTestFinished(() => bus.close());
    return bus;
  }

  /** A coordinator as a process; resolves once it stands by or decides. */
  async function coordinator(id: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [program], {
      env: {
        PATH: process.env["PATH"],
        PITAYA_NATS_URL: nats.url,
        PITAYA_NATS__CREDS: join(dir, id),
        PITAYA_LEASE__COORDINATOR_MS: String(LEASE_MS),
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    for await (const line of child.stdout) if (String(line).includes("stands by")) break;
    child.stdout.resume();
    return child;
  }
  return { as, coordinator };
}

async function submit(client: Bus) {
  const blob = await client.blobs.put(async function* () {
    yield new Uint8Array([1, 2, 3]);
  });
  const plain = sampleRun();
  const bundles = plain.base.bundles.map((bundle) => ({ ...bundle, blob }));
  const spec = { ...plain, base: { ...plain.base, bundles } };
  const request = { v: 1 as const, spec, secrets: [] };
  await ask(client, "submit", subjects.api.of({ verb: "submit" }), request, 30_000);
  return spec;
}

/** When the first decision of the second epoch was stored, by the server's clock. */
async function nextEpoch(client: Bus, run: string): Promise<number> {
  const stop = new AbortController();
  let first: number | undefined;
  for await (const item of client.events.follow([subjects.decision.filter({ run })], {
    signal: stop.signal,
  })) {
    if ("caughtUp" in item) continue;
    const { epoch } = decode(DecisionMessage, item.payload, "A decision");
    first ??= epoch;
    if (epoch === first) continue;
    stop.abort();
    return item.storedAt.getTime();
  }
  throw new Error("the log ended");
}

async function untilSucceeded(client: Bus, run: string): Promise<void> {
  const stop = new AbortController();
  const [log, fold] = [runLog(), runView()];
  for await (const item of client.events.follow(runEvents(run), { signal: stop.signal })) {
    if ("caughtUp" in item) continue;
    for (const event of log.admit(item)) fold.apply(event);
    if (fold.view.phase === "succeeded") break;
  }
  stop.abort();
}
