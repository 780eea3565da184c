import type { Invocation } from "../command-line/parse.rules.ts";
import type { Host } from "../host.ts";
import { type Gathered, gatherLayers } from "./gather-layers.ts";
import { isStrategyKey } from "./layers.ts";
import { type Resolved, resolveSettings } from "./resolve.rules.ts";

/** What an invocation really uses, and everything it was told. */
export interface Configuration {
  readonly settings: Resolved;
  readonly gathered: Gathered;
}

/**
 * The settings an invocation really uses: flag, then environment, `.env`, the project's file, the
 * user's own, and default.
 *
 * @throws {PitayaError} `usage`
 */
export async function settingsOf(
  invocation: Pick<Invocation, "flags" | "command">,
  host: Pick<Host, "env" | "home" | "cwd" | "random">,
): Promise<Configuration> {
  const gathered = await gatherLayers(invocation, host);
  const settings = resolveSettings(gathered.layers);
  // Most give none, and need not load the strategies.
  if ([...settings.chosen.keys()].some(isStrategyKey)) {
    const { checkStrategyKeys } = await import("./strategy-keys.rules.ts");
    checkStrategyKeys(settings);
  }
  return { settings, gathered };
}
