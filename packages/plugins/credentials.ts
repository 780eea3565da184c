import { type CredentialAddress, credentialAddress } from "./credential-address.ts";
import {
  credentialsMissing,
  findCredential,
  refuseStrayFlags,
  secretVariables,
} from "./credential-search.ts";
import { type Environment, given } from "./given.ts";
import type { AgentPlugin, CredentialMode, Provider } from "./plugin.port.ts";
import { chosenProvider, type ProviderChoice } from "./provider-choice.ts";

/** What the user gave, by flag and by environment. */
export interface CredentialSources {
  readonly mode?: CredentialMode;
  readonly oauthToken?: string;
  readonly apiKey?: string;
  readonly baseUrl?: string;
  /** Of the run: some models' names tell their provider. */
  readonly model?: string;
  /** Only a credential that the agent gets under one of these names. */
  readonly only?: readonly string[];
  readonly env: Environment;
}

export interface Credentials extends CredentialAddress {
  readonly mode: CredentialMode;
  /** What the agent gets, under the names it needs; nothing else of the user's. The key is first. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The flag or variable it was given by. */
  readonly from: string;
  /** Every flag and variable that one of the secrets was given by. */
  readonly givenBy: readonly string[];
  /** Variables that would have served too, and were passed over. */
  readonly unused: readonly string[];
}

/**
 * The credential the agent is to use: a flag before the environment, and of several kinds the one
 * the mode asks for, or the plugin's first. Of several providers the one that is named, or else the
 * first that a key is there for.
 *
 * @throws `credentials_missing`, naming what to set; `usage` for a value that can be none
 */
export function resolveCredentials(plugin: AgentPlugin, sources: CredentialSources): Credentials {
  const { mode, only, env } = sources;
  const { environment = [], providers = [] } = plugin;
  const choice = chosenProvider(plugin, env, sources.model);
  refuseStrayFlags(plugin, sources);
  const secrets = secretVariables(plugin, env);
  const own = { mode: "api", secrets, givenBy: environment, unused: [] } as const;
  if (plugin.credentials.length === 0) {
    return { ...own, from: "the environment", ...credentialAddress(plugin, sources, {}) };
  }
  const allowed = (choice?.rules ?? plugin.credentials).filter(
    (rule) => (mode ?? rule.mode) === rule.mode && (only?.includes(rule.env) ?? true),
  );
  const found = findCredential(allowed, sources);
  if (found !== undefined) {
    const { rule, value, from, unused } = found;
    const provider = choice?.provider ?? providers.find(({ name }) => name === rule.provider);
    return {
      ...{ mode: rule.mode, secrets: { [rule.env]: value, ...secrets }, from, unused },
      givenBy: [from, ...environment],
      ...credentialAddress(plugin, sources, { ...choice, provider }, from),
    };
  }
  const keyless = keylessProvider(plugin, sources, choice);
  if (keyless === undefined) throw credentialsMissing(plugin, sources, allowed);
  const address = credentialAddress(plugin, sources, { ...choice, provider: keyless });
  return { ...own, from: address.addressedBy[0] ?? "--base-url", ...address };
}

/** A provider that needs no key, once its address is there. */
function keylessProvider(
  { providers = [] }: AgentPlugin,
  { mode, env }: CredentialSources,
  choice: ProviderChoice | undefined,
): Provider | undefined {
  if (mode === "subscription") return undefined;
  if (choice !== undefined) return choice.provider.keyless ? choice.provider : undefined;
  return providers.find(
    ({ keyless, baseUrlSource }) => keyless && given(env[baseUrlSource]) !== undefined,
  );
}
