import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "./host.ts";

/** A private directory for this command's temporary files. */
export interface Scratch {
  readonly dir: string;
  /** Synchronous, so that it can be the last thing a process does. */
  remove(): void;
}

export async function openScratch({ tmpdir }: Pick<Host, "tmpdir">): Promise<Scratch> {
  const dir = await mkdtemp(join(tmpdir, "pitaya-"));
  // A write still on its way makes a file between the emptying of the directory and its removal.
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 5 });
  return { dir, remove };
}
