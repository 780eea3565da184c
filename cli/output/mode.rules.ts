import type { Host } from "../host.ts";
import type { Resolved } from "../settings/resolve.rules.ts";

export type OutputMode = "live" | "streaming" | "json" | "quiet";

/**
 * How a command that follows a run tells about it: the live view where a person sits at a terminal
 * that can redraw and nothing else was asked for.
 */
export function outputMode(
  settings: Resolved,
  noTui: boolean,
  { stdout, stderr, env }: Pick<Host, "stdout" | "stderr" | "env">,
): OutputMode {
  const canRedraw = stdout.isTTY && stderr.isTTY && env["TERM"] !== "dumb";
  const inCi = env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false";
  const asked = settings.sources.get("output") !== "default";
  return canRedraw && !inCi && !asked && !noTui ? "live" : settings.values.output;
}
