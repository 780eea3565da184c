import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskContract } from "../ports/disk.contract.ts";
import { runnerDisk } from "./runner-disk.ts";

diskContract("the file system", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "pitaya-disk-"));
  return {
    async mount() {
      const disk = runnerDisk(stateDir);
      await disk.open();
      return disk;
    },
    close: () => rm(stateDir, { recursive: true, force: true }),
  };
});
