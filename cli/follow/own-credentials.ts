import { type AgentPlugin, credentialsAgain, pluginOf } from "@pitaya/plugins";
import {
  type AgentSpec,
  credentialsOf as credentialsNeeded,
  isPitayaError,
  type RunSpec,
} from "@pitaya/protocol";
import type { Session } from "../session.ts";
import { credentialSources } from "../submit/agent-choice.ts";
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
  if (credentialsNeeded(spec).length === 0) return {};
  const named = session.has("api-key") || session.has("oauth-token");
  const isOwn = spec.client === client;
  if (!named && !isOwn) return {};
  if (!isOwn && takesFromEnvironment(pluginOf(spec.agent))) return {};
  const others = isOwn ? otherCredentials(session, spec) : {};
  return { ...others, ...credentialsFor(session, spec.agent, named) };
}

/** Those of the other plugins of a run of one's own: from the environment, as when it was started. */
export const otherCredentials = (session: Session, { otherAgents = [] }: RunSpec): Credentials =>
  Object.assign({}, ...otherAgents.map((agent) => credentialsFor(session, agent, false)));

function credentialsFor(session: Session, agent: AgentSpec, named: boolean): Credentials {
  const plugin = pluginOf(agent);
  try {
    return credentialsAgain(plugin, agent, credentialSources(session, named)).secrets;
  } catch (error) {
    if (!named && isPitayaError(error, "credentials_missing")) return {};
    throw error;
  }
}

const takesFromEnvironment = ({ environment = [] }: AgentPlugin): boolean => environment.length > 0;
