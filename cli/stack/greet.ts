import { isPitayaError, PitayaError } from "@pitaya/protocol";
import { hello, type ProgramVersion } from "./messages.ts";
import { openLine, type StackLine } from "./stack-line.ts";
import type { StackLocation } from "./stack-location.ts";
import { livingSupervisor } from "./supervisor-record.ts";

/**
 * Connects to a stack's supervisor, where there is one.
 *
 * @throws `stack_failed` when it does not answer; `version_skew` when its answer cannot be understood
 */
export async function greetStack(
  { engine, paths }: StackLocation,
  own: ProgramVersion,
  onProgress: (text: string) => void,
  patienceMs: number,
): Promise<StackLine | undefined> {
  const holder = livingSupervisor(paths.record);
  try {
    const socket = holder?.socket ?? paths.socket;
    return await openLine(socket, hello(own, engine), onProgress, patienceMs);
  } catch (error) {
    if (!isPitayaError(error)) throw error;
    const who = holder ? ` (process ${holder.process.pid})` : "";
    throw new PitayaError(error.code, `${error.message}${who}`, {
      cause: error,
      hint: 'end it with "pitaya down"',
    });
  }
}
