import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EpochFile } from "../ports/disk.port.ts";

export async function epochFile(stateDir: string): Promise<EpochFile> {
  const path = join(stateDir, "epoch");
  let seen = await read(path);
  return {
    get seen() {
      return seen;
    },
    async note(epoch) {
      if (epoch <= seen) return;
      seen = epoch;
      await writeFile(`${path}.new`, `${epoch}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  };
}

async function read(path: string): Promise<number> {
  try {
    const epoch = Number(await readFile(path, "utf8"));
    return Number.isSafeInteger(epoch) && epoch > 0 ? epoch : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
