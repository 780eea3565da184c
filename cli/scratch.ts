import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private directory for this command's temporary files. */
export interface Scratch {
  readonly dir: string;
  /** Synchronous, so that it can be the last thing a process does. */
  remove(): void;
}

export async function openScratch(): Promise<Scratch> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
