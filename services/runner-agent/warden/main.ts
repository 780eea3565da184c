import { systemClock } from "@pitaya/actors";
import { natsBus } from "@pitaya/bus";
import { buckets } from "@pitaya/protocol";
import { connectEngine } from "../adapters/docker/engine.ts";
import { standStill } from "../adapters/docker/pausing.ts";
import { runnerLease } from "../adapters/runner-lease.ts";
import { type FromWarden, ToWarden } from "./messages.ts";
import { wardenProgram } from "./program.ts";
import { warden } from "./warden.ts";

/**
 * The warden's process. Its runner-agent starts it and speaks to it over the channel between parent
 * and child; when that closes, the runner-agent is gone, its containers are paused, and its lease
 * lapses.
 */
const report = (message: FromWarden) => {
  if (process.connected) process.send?.(message);
};

async function open(begin: Extract<ToWarden, { type: "begin" }>) {
  const { servers, user, tls, runner, leaseMs, takeOver } = begin;
  const engine = connectEngine(begin.engine);
  const bus = await natsBus({
    servers,
    name: `${runner}-warden`,
    ...(user && { user }),
    ...(tls && {
      tls: {
        ...(tls.caFile !== undefined && { caFile: tls.caFile }),
        ...(tls.certFile !== undefined && { certFile: tls.certFile }),
        ...(tls.keyFile !== undefined && { keyFile: tls.keyFile }),
      },
    }),
  });
  const lease = runnerLease(bus.bucket(buckets.runners), runner, leaseMs, { takeOver });
  const watch = warden({
    lease,
    leaseMs,
    isSuccessor: !takeOver,
    containers: { standStill: () => standStill(engine, runner) },
    clock: systemClock,
    report,
  });
  return { watch, close: bus.close };
}

const program = wardenProgram({
  open,
  report,
  // What was reported goes out before the channel closes; that it has closed is handled below.
  leave: () => (process.connected ? process.disconnect() : process.exit(0)),
  fail: () => process.exit(1),
});

process.on("message", (json) => program.receive(ToWarden.parse(json)));
process.on("disconnect", program.orphaned);
// Whoever stops the whole group stops the runner-agent, which then ends this process in its own time.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
