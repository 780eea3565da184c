import { PitayaError } from "@pitaya/protocol";
import type { CredentialSources } from "./credentials.ts";
import { given } from "./given.ts";
import type { AgentPlugin, Provider } from "./plugin.port.ts";
import type { ProviderChoice } from "./provider-choice.ts";

/** Where a credential goes. */
export interface CredentialAddress {
  /** Of a plugin that can use several. */
  readonly provider?: string;
  readonly baseUrl?: string;
  /** Variables that say where this very credential goes. */
  readonly addressedBy: readonly string[];
  /** Variable that chose the provider, where the credential is that provider's own. */
  readonly chosenBy?: string;
}

/** The provider of a credential, and how it was chosen, where it was. */
interface Choice extends Partial<Omit<ProviderChoice, "provider">> {
  readonly provider?: Provider | undefined;
}

/**
 * Where a credential goes, and by what that was said.
 *
 * @param from what it was given by, where there is one
 * @throws `usage` for an address that will not do, or none where one is needed
 */
export function credentialAddress(
  plugin: AgentPlugin,
  { baseUrl, env }: CredentialSources,
  { provider, namedBy, keyNamedBy }: Choice,
  from?: string,
): CredentialAddress {
  const source = addressSources(plugin, provider).find((name) => given(env[name]) !== undefined);
  const flag = given(baseUrl);
  const text = flag ?? (source === undefined ? undefined : given(env[source]));
  if (text !== undefined) refuseAddress(text, plugin, provider);
  if (text === undefined && provider && provider.baseUrl === undefined) {
    throw new PitayaError("usage", `${plugin.name}: ${provider.name} has no address`, {
      hint: `set ${addressSources(plugin, provider).join(" or ")}, or give --base-url`,
    });
  }
  const isItsOwn = from === undefined || from === provider?.key;
  const addressedBy = [flag === undefined ? source : undefined, isItsOwn ? undefined : namedBy];
  return {
    ...(provider !== undefined && { provider: provider.name }),
    ...(text !== undefined && { baseUrl: text }),
    addressedBy: [...addressedBy, keyNamedBy].filter((name) => name !== undefined),
    ...(isItsOwn && namedBy !== undefined && { chosenBy: namedBy }),
  };
}

const addressSources = (
  { baseUrlSource, providerVariables }: AgentPlugin,
  provider: Provider | undefined,
): readonly string[] => {
  const ofProvider = provider && [providerVariables?.baseUrl, provider.baseUrlSource];
  return [baseUrlSource, ...(ofProvider ?? [])].filter((name) => name !== undefined);
};

/** It stands in the engine's configuration and in logs: so without any secret. */
function refuseAddress(text: string, plugin: AgentPlugin, provider: Provider | undefined): void {
  const url = URL.parse(text);
  const refuse = (reason: string) =>
    new PitayaError("usage", `the base URL ${reason}`, {
      hint: `give ${["--base-url", ...addressSources(plugin, provider)].join(" or ")} as http://… or https://…, and the credential by itself`,
    });
  if (url === null || !/^https?:$/.test(url.protocol)) throw refuse("is no http or https address");
  if (url.username !== "" || url.password !== "") throw refuse("holds a user name or password");
}
