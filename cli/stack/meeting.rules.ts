import { PROTOCOL_VERSION } from "@pitaya/protocol";
import type { ProgramVersion, StackStatus } from "./messages.ts";

/**
 * What a command does with the stack it meets. `use-other`: it works, but is of another build and in
 * use. `refuse`: the same, and they do not understand each other.
 */
export type Meeting = "use" | "use-other" | "replace" | "refuse" | "wait";

/**
 * @param waited this command was there when the stack was started, so that its failure is the answer;
 *   one that comes later has it tried again
 */
export function meet(
  own: ProgramVersion,
  engine: string,
  stack: StackStatus,
  waited: boolean,
): Meeting {
  if (stack.phase === "closing" || (stack.phase === "failed" && !waited)) return "wait";
  if (stack.engine !== engine) return "refuse";
  const sameProtocol = stack.protocol === PROTOCOL_VERSION;
  if (sameProtocol && stack.build === own.build) return "use";
  const inUse = stack.phase !== "ready" || stack.liveRuns > 0 || stack.submitting > 0;
  if (!inUse) return "replace";
  return sameProtocol ? "use-other" : "refuse";
}
