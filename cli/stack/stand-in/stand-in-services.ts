import { appendFileSync, existsSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { type ErrorRecord, errorFromRecord } from "@pitaya/protocol";
import type { StackServices } from "../services.port.ts";

/** What a test wants the stand-ins to be, as `stand-in.json` in the runner's directory says it. */
export interface StandIn {
  readonly liveRuns?: readonly string[];
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
    await until(() => now.gate !== "start");
    if (now.failStart) {
      watcher.close();
      throw errorFromRecord(now.failStart);
    }
    let stopped = false;
    const live = () => (stopped ? [] : (now.liveRuns ?? []));
    return {
      liveRuns: () => live().length,
      onLiveRuns: (changed) => void listeners.add(changed),
      async interruptAll(reason, progress) {
        const runs = live();
        for (const run of runs) progress(`interrupting ${run}`);
        if (runs.length > 0) call("interrupt", ...runs, reason);
        stopped = true;
        return runs;
      },
      setLeastSlots: (count) => call("slots", count),
      onFailure(failed) {
        listeners.add(() => now.failNow && failed(errorFromRecord(now.failNow)));
      },
      async stop(containers) {
        call("stop", containers);
        await until(() => now.gate !== "stop");
        watcher.close();
      },
    };
  },
};
