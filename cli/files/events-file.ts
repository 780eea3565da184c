import { appendFile, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Redactor } from "@pitaya/redaction";
import type { OutwardEvent } from "@pitaya/views";
import { readIfThere, writeAtomically } from "./atomic-write.ts";
import { inLogOrder } from "./event-order.rules.ts";

/**
 * `events.jsonl`: a line for each outward event. It grows while a command follows the run; at the end
 * it is put in the order of the log, so that it is the same bytes whoever wrote it, and however often.
 */
export interface EventsFile {
  append(events: readonly OutwardEvent[]): Promise<void>;
  /** Replaces the file by all that was appended here, in order. */
  finish(): Promise<void>;
  /** Leaves the file as it grew. */
  leave(): Promise<void>;
}

/**
 * @param path of `events.jsonl`. Where several commands follow the same run in the same repository,
 *   one of them lets it grow and each replaces it at its end.
 * @param spoolDir an existing private directory for this command's own copy
 */
export async function openEventsFile(options: {
  readonly path: string;
  readonly spoolDir: string;
  readonly redactor: Redactor;
  readonly nonce: string;
}): Promise<EventsFile> {
  const { path, spoolDir, redactor, nonce } = options;
  const spool = join(spoolDir, `events-${nonce}.jsonl`);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(spool, "", { mode: 0o600 });
  const lock = `${path}.lock`;
  const isGrower = await takeGrowth(lock);
  if (isGrower) await writeFile(path, "", { mode: 0o600 });

  const release = async () => {
    await rm(spool, { force: true });
    if (isGrower) await rm(lock, { force: true });
  };
  return {
    async append(events) {
      if (events.length === 0) return;
      const lines = events.map((event) => `${JSON.stringify(redactor.json(event as never))}\n`);
      const text = lines.join("");
      await appendFile(spool, text);
      if (isGrower) await appendFile(path, text);
    },
    async finish() {
      const lines = (await readFile(spool, "utf8")).split("\n").filter((line) => line !== "");
      await writeAtomically(
        path,
        inLogOrder(lines)
          .map((line) => `${line}\n`)
          .join(""),
        nonce,
      );
      await release();
    },
    leave: release,
  };
}

/** Whether the file grows by this process's hand. A holder that is dead holds nothing. */
async function takeGrowth(lock: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(lock, "wx", 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number((await readIfThere(lock))?.toString());
    if (isAlive(holder)) return false;
    await rm(lock, { force: true });
  }
  return false;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
