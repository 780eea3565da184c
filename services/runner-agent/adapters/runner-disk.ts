import { mkdir } from "node:fs/promises";
import type { RunnerDisk } from "../ports/disk.port.ts";
import { attemptDirectories } from "./attempt-directory.ts";
import { epochFile } from "./epoch-file.ts";
import { packCache } from "./pack-cache.ts";

/** @param stateDir private directory of one runner-agent, kept over restarts */
export const runnerDisk = (stateDir: string): RunnerDisk => ({
  open: async () => void (await mkdir(stateDir, { recursive: true, mode: 0o700 })),
  attempts: attemptDirectories(stateDir),
  openEpoch: () => epochFile(stateDir),
  openPacks: (options) => packCache(stateDir, options),
});
