import type { AgentPlugin } from "./plugin.port.ts";

/** Variables of the user's environment that a plugin reads. */
export interface PluginVariables {
  /** They hold credentials. */
  readonly secret: readonly string[];
  /** They say where credentials go. */
  readonly address: readonly string[];
}

export function pluginVariables(plugin: AgentPlugin): PluginVariables {
  const { credentials, environment = [], baseUrlSource, providers = [] } = plugin;
  const by = plugin.providerVariables;
  const address = [
    ...(baseUrlSource === undefined ? [] : [baseUrlSource]),
    ...(by === undefined ? [] : [by.provider, by.keyName, by.baseUrl]),
    ...providers.map((provider) => provider.baseUrlSource),
  ];
  return {
    secret: [...new Set([...credentials.map(({ source }) => source), ...environment])],
    address: [...new Set(address)],
  };
}
