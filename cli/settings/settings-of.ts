import type { Invocation } from "../command-line/parse.rules.ts";
import type { Host } from "../host.ts";
import { environmentLayer } from "./from-env.rules.ts";
import { flagLayer } from "./from-flags.rules.ts";
import { type Resolved, resolveSettings } from "./resolve.rules.ts";

/**
 * The settings an invocation really uses: flag, then environment, then default. Files of the user and
 * of the repository are not read yet.
 *
 * @throws {PitayaError} `usage`
 */
export const settingsOf = (invocation: Invocation, host: Pick<Host, "env">): Resolved =>
  resolveSettings([flagLayer(invocation), environmentLayer(host.env)]);
