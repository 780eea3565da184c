import { z } from "zod";
import { readJson, writePrivateJson } from "./private-files.ts";
import { isAlive, ProcessIdentity, processTable } from "./processes.ts";

/** Who holds the lock, for those it does not answer, and where it listens, whatever their `TMPDIR` is. */
const SupervisorRecord = z.object({ process: ProcessIdentity, socket: z.string().max(4_096) });

export function writeSupervisorRecord(path: string, socket: string): void {
  const self = processTable().find(process.pid);
  if (self) writePrivateJson(path, { process: self, socket });
}

/** What is recorded of a supervisor that is still alive. */
export function livingSupervisor(path: string): z.infer<typeof SupervisorRecord> | undefined {
  const record = readJson(path, SupervisorRecord);
  if (record === undefined || record === "unreadable") return undefined;
  return isAlive(processTable(), record.process) ? record : undefined;
}
