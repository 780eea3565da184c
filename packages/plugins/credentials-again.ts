import type { AgentSpec } from "@pitaya/protocol";
import { credentialsMissing, findCredential, secretVariables } from "./credential-search.ts";
import type { CredentialSources, Credentials } from "./credentials.ts";
import type { AgentPlugin, CredentialRule } from "./plugin.port.ts";
import { chosenProvider } from "./provider-choice.ts";

/**
 * A credential for an agent that is at work already: of the kind it was given before, whatever else
 * there is by now. Where it goes is settled.
 *
 * @throws `credentials_missing`, `usage`
 */
export function credentialsAgain(
  plugin: AgentPlugin,
  agent: Pick<AgentSpec, "provider" | "credentials">,
  sources: CredentialSources,
): Pick<Credentials, "secrets" | "from"> {
  const secrets = secretVariables(plugin, sources.env);
  const rules = rulesAgain(plugin, agent, sources);
  if (rules.length === 0) return { secrets, from: "the environment" };
  const found = findCredential(rules, sources);
  if (found === undefined) throw credentialsMissing(plugin, sources, rules);
  return { secrets: { [found.rule.env]: found.value, ...secrets }, from: found.from };
}

function rulesAgain(
  plugin: AgentPlugin,
  { provider, credentials }: Pick<AgentSpec, "provider" | "credentials">,
  { env, model }: CredentialSources,
): readonly CredentialRule[] {
  const isHeld = (rule: CredentialRule) => credentials.includes(rule.env);
  const choice = chosenProvider(plugin, env, model);
  const chosen = choice?.provider.name === provider ? (choice?.rules.filter(isHeld) ?? []) : [];
  const known = chosen.length > 0 ? chosen : plugin.credentials.filter(isHeld);
  const [key] = credentials;
  if (known.length > 0 || provider === undefined || key === undefined) return known;
  // A provider of the user's own, of which the plugin knows nothing.
  return [{ mode: "api", flag: "api-key", source: key, env: key }];
}
