import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { PackCache, RunnerDisk } from "../ports/disk.port.ts";
import { attemptDirectories } from "./attempt-directory.ts";
import { removeStray, strayAttempts } from "./disk-leftovers.ts";
import { epochFile } from "./epoch-file.ts";
import { PACKS, packCache } from "./pack-cache.ts";

/** @param stateDir private directory of one runner-agent, kept over restarts */
export function runnerDisk(stateDir: string): RunnerDisk {
  let packs: PackCache | undefined;
  return {
    open: async () => void (await mkdir(stateDir, { recursive: true, mode: 0o700 })),
    attempts: attemptDirectories(stateDir),
    openEpoch: () => epochFile(stateDir),
    async openPacks(options) {
      packs = await packCache(stateDir, options);
      return packs;
    },
    async leftovers(keep) {
      const directories = await strayAttempts(stateDir, keep);
      const halves = (await packs?.strays()) ?? [];
      return [
        ...directories.map((path) => ({ kind: "directory", path }) as const),
        ...halves.map((entry) => ({ kind: "pack", path: join(PACKS, entry) }) as const),
      ];
    },
    removeLeftover: (path) => removeStray(stateDir, path),
  };
}
