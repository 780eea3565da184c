import { appendFileSync, existsSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { type ErrorRecord, errorFromRecord } from "@pitaya/protocol";
import type { LiveRun, StackServices } from "../services.port.ts";

/** What a test wants the stand-ins to be, as `stand-in.json` in the runner's directory says it. */
export interface StandIn {
  readonly liveRuns?: readonly LiveRun[];
  readonly failStart?: ErrorRecord;
  readonly failNow?: ErrorRecord;
  /** `start` or `stop` is done only when this is no longer set. */
  readonly gate?: "start" | "stop";
  /** Dies while it starts. */
  readonly crash?: boolean;
}

/** Stands in for coordinator and runner-agent. What it is asked to do it appends to `calls.log`. */
export const standInServices: StackServices = {
  async start({ runnerDirectory, url, users }) {
    const file = join(runnerDirectory, "stand-in.json");
    const read = (): StandIn =>
      existsSync(file) ? JSON.parse(readFileSync(file, "utf8") || "{}") : {};
    const call = (...words: unknown[]) =>
      appendFileSync(join(runnerDirectory, "calls.log"), `${words.join(" ")}\n`);
    let now = read();
    const listeners = new Set<() => void>();
    const watcher = watch(runnerDirectory, (_, name) => {
      if (name !== "stand-in.json") return;
      now = read();
      for (const listener of listeners) listener();
    });
    const until = (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!condition()) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      });

    call("start", url, users.coordinator.id, users.runner.id);
    if (now.crash) process.kill(process.pid, "SIGKILL");
    if (now.failStart) {
      watcher.close();
      throw errorFromRecord(now.failStart);
    }
    await until(() => now.gate !== "start");
    let interrupted: readonly string[] = [];
    const live = () => (now.liveRuns ?? []).filter(({ run }) => !interrupted.includes(run));
    return {
      liveRuns: live,
      onLiveRuns: (changed) => void listeners.add(changed),
      async interrupt(run, reason) {
        call("interrupt", run, reason);
        interrupted = [...interrupted, run];
      },
      setLeastSlots: (count) => call("slots", count),
      onFailure(failed) {
        listeners.add(() => now.failNow && failed(errorFromRecord(now.failNow)));
      },
      async stop() {
        call("stop");
        await until(() => now.gate !== "stop");
        watcher.close();
      },
    };
  },
};
