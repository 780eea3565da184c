import { findPlugin } from "@pitaya/plugins";
import { isPitayaError, type RunSpec } from "@pitaya/protocol";
import type { Session } from "../session.ts";
import { credentialsOf } from "../submit/agent-choice.ts";
import type { Credentials } from "../submit/sealed-credentials.ts";

/**
 * The credentials this invocation has for a run that exists. None where the run needs none, or none
 * were given.
 *
 * A run says itself where its agent sends its key. So to a run of somebody else's a key goes only if
 * it was named on this command line, never because it lies in the environment.
 *
 * @param client this process on the bus
 */
export async function ownCredentials(
  session: Session,
  spec: RunSpec,
  client: string,
): Promise<Credentials> {
  if (spec.agent.credentials.length === 0) return {};
  const named = session.has("api-key") || session.has("oauth-token");
  if (!named && spec.client !== client) return {};
  const plugin = findPlugin(spec.agent.plugin);
  // The run was submitted for one kind, whatever else there is by now.
  const rule = plugin.credentials.find(({ env }) => spec.agent.credentials.includes(env));
  if (rule === undefined) return {};
  try {
    return credentialsOf(session, plugin, rule.mode).secrets;
  } catch (error) {
    if (!named && isPitayaError(error, "credentials_missing")) return {};
    throw error;
  }
}
