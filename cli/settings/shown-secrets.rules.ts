import { PitayaError } from "@pitaya/protocol";

/** The user's own environment has to agree: a flag alone is too easily left in a script. */
const VARIABLE = "PITAYA_ALLOW_UNREDACTED";

/**
 * Whether credentials are shown, as only `config print --redact false` does.
 *
 * @param given with `--redact`
 * @throws {PitayaError} `usage`
 */
export function showsSecrets(given: string | undefined, env: Readonly<NodeJS.ProcessEnv>): boolean {
  if (given === undefined || given === "true") return false;
  if (given !== "false") {
    throw new PitayaError("usage", `--redact: expected true or false, not "${given}"`);
  }
  if (env[VARIABLE] === "1") return true;
  throw new PitayaError("usage", "--redact false would show credentials", {
    hint: `Set ${VARIABLE}=1 as well where that is what you want.`,
  });
}
