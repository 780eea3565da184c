import { errorRecord, exitCodeOf, isPitayaError } from "@pitaya/protocol";
import type { Output } from "./host.ts";
import { printableLines } from "./output/printable.rules.ts";

/**
 * The one place that tells a person of an error that ended a command: what, why, what to do. Parts of it
 * may be somebody else's words.
 *
 * @returns the exit code it stands for
 */
export async function reportError(
  error: unknown,
  stderr: Output,
  verbose: boolean,
): Promise<number> {
  const { code, message, hint } = errorRecord(error);
  const lines = [`pitaya: ${message}`];
  if (hint !== undefined) lines.push(`  ${hint}`);
  const bug = code === "internal" && !isPitayaError(error);
  if (bug) lines.push("  This is a bug of Pitaya's. With --verbose its place is shown.");
  if (verbose && error instanceof Error) lines.push(traceOf(error));
  await stderr.write(`${printableLines(lines.join("\n"))}\n`);
  return exitCodeOf(code);
}

function traceOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by: ${traceOf(error.cause)}` : own;
}
