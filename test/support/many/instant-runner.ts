import { systemClock } from "@pitaya/actors";
import { natsBus, readCredential, sealer } from "@pitaya/bus";
import { buckets } from "@pitaya/protocol";
import { redactorPool } from "@pitaya/redaction";
import {
  closedGateway,
  fakeExecutor,
  linePlugin,
  livenessInProcess,
  memoryDisk,
  runnerLease,
  scriptedGit,
  startRunner,
} from "@pitaya/runner-agent/testing";
import pino from "pino";

/**
 * A runner-agent as a program whose agents are done at once: everything but the executor, and what
 * the host keeps, is real.
 *
 *   instant-runner.ts SERVERS CREDENTIAL_FILE SLOTS LEASE_MS
 */
const [servers = "", credential = "", slots = "", lease = ""] = process.argv.slice(2);
const leaseMs = Number(lease);
const user = await readCredential(credential);
const bus = await natsBus({ servers, name: user.id, user });
const { mount, files } = memoryDisk();
const executor = fakeExecutor({
  files,
  async script(agent) {
    agent.write("stdout", "done at once\n");
    agent.commit(`commits of ${agent.spec.name.instanceId}`);
    return 0;
  },
});
const runner = await startRunner(
  {
    bus,
    executor,
    gateway: closedGateway(),
    disk: mount(),
    git: scriptedGit(files),
    clock: systemClock,
    log: pino({ level: process.env["LOG"] ?? "error" }),
    incarnation: process.pid.toString(16).padStart(8, "0"),
    sealer: sealer(),
    findPlugin: () => linePlugin,
    redactorOf: redactorPool(),
    ownHosts: () => new Set(),
    liveness: (told) =>
      livenessInProcess(runnerLease(bus.bucket(buckets.runners), user.id, leaseMs), told),
  },
  {
    runner: user.id,
    version: "0.0.0",
    pool: "default",
    labels: {},
    slots: Number(slots),
    leaseMs,
    hostEndpoints: [],
    limits: {
      finalGraceMs: 10_000,
      killGraceMs: 10_000,
      harvestTimeoutMs: 60_000,
      collectTimeoutMs: 600_000,
      goneTimeoutMs: 30_000,
      pauseMaxMs: 600_000,
    },
    stopPatienceMs: 30_000,
  },
);
process.once("SIGTERM", async () => {
  await runner.stop("leave");
  await bus.close();
});
