import { type ChildProcess, fork } from "node:child_process";
import type { Liveness, LivenessOptions } from "../runner/liveness.ts";
import { FromWarden, type ToWarden } from "./messages.ts";
import { tickEveryMs } from "./warden.ts";

export interface WardenProcess {
  /** The program to fork: `warden/main.ts`, or its bundle. */
  readonly program: string;
  /** How it reaches the bus, as this runner. */
  readonly connection: Omit<Extract<ToWarden, { type: "begin" }>, "type" | "leaseMs" | "takeOver">;
}

const RESTART_MS = 1_000;

/** For compose and fleets: the lease is held by a process of its own, fed by this one's main loop. */
export function livenessByWarden(
  { program, connection }: WardenProcess,
  options: LivenessOptions,
): Liveness {
  const { clock, leaseMs, log, current, onSuperseded } = options;
  const held = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  let cancelTick = () => {};
  let cancelRestart = () => {};
  let ended: PromiseWithResolvers<void> | undefined;
  let generation = 0;

  const tell = (message: ToWarden) => {
    // A warden that has just gone hears nothing; the one after it is told anew.
    child?.send(message, () => undefined);
  };

  function start(): void {
    generation += 1;
    const began = fork(program, [], {
      // Nothing of this process's environment is its business.
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child = began;
    began.on("message", (json) => hear(FromWarden.parse(json)));
    began.on("error", (err) => log.error({ err }, "warden not started"));
    began.on("exit", (code, signal) => {
      if (ended) return ended.resolve();
      log.error({ code, signal }, "warden gone, starting another");
      cancelRestart = clock.setTimer(RESTART_MS, start);
    });
    tell({ type: "begin", ...connection, leaseMs, takeOver: generation === 1 });
    tick();
  }

  function tick(): void {
    cancelTick();
    tell({ type: "tick", liveness: current() });
    cancelTick = clock.setTimer(tickEveryMs(leaseMs), tick);
  }

  function hear(message: FromWarden): void {
    if (message.type === "held") held.resolve();
    if (message.type === "trouble") log.warn({ reason: message.message }, "warden has trouble");
    if (message.type === "superseded") {
      cancelTick();
      onSuperseded();
    }
  }

  return {
    begin() {
      start();
      return held.promise;
    },
    async end(release) {
      cancelTick();
      cancelRestart();
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      ended = Promise.withResolvers();
      const giveUp = clock.setTimer(leaseMs, () => child?.kill("SIGKILL"));
      tell({ type: "end", release });
      await ended.promise;
      giveUp();
    },
  };
}
