import { type AgentPlugin, type ProviderRoute, providerRoute } from "@pitaya/plugins";
import type { TaskSpec } from "@pitaya/protocol";
import { GATEWAY } from "../ports/executor.port.ts";

/** An attempt at the gateway, as its agent is told of it. */
export interface GatewayVisit {
  readonly token: string;
  /** Absent where no provider is called that way. */
  readonly provider?: ProviderRoute;
}

/**
 * What an attempt has of the gateway, if anything. With `proxy` everything goes that way; online its
 * provider does where the gateway has to translate.
 */
export function visitOf(
  { network, verify, read, agent }: TaskSpec,
  plugin: AgentPlugin | undefined,
): Omit<GatewayVisit, "token"> | undefined {
  const provider = plugin && !verify && !read ? providerRoute(plugin, agent) : undefined;
  const usesGateway = network === "proxy" || (network === "online" && provider?.speaksChatOnly);
  return usesGateway ? { ...(provider && { provider }) } : undefined;
}

/** The gateway's user, as of a proxy; the token is the password. */
export const PROXY_USER = "pitaya";

const ORIGIN = `${GATEWAY.host}:${GATEWAY.port}`;

/** The provider's address, as the agent is given it. */
export const visitedUrl = ({ token }: GatewayVisit): string => `http://${ORIGIN}/${token}`;

/** What stands for a credential in the agent's environment and requests. */
export const placeholderOf = ({ token }: GatewayVisit, index: number): string =>
  `pitaya-placeholder-${index}-${token}`;

/** The agent's environment for all that does not go to the provider. */
export function proxyEnv({ token }: GatewayVisit): Readonly<Record<string, string>> {
  const proxy = `http://${PROXY_USER}:${token}@${ORIGIN}`;
  const direct = `localhost,127.0.0.1,::1,${GATEWAY.host}`;
  return {
    ...{ HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy, https_proxy: proxy },
    ...{ NO_PROXY: direct, no_proxy: direct, NODE_USE_ENV_PROXY: "1" },
  };
}

/** Credentials by name, as the agent gets them and as the gateway puts them in their place. */
export function hiddenSecrets(
  visit: GatewayVisit | undefined,
  secrets: Readonly<Record<string, string>>,
) {
  if (visit?.provider === undefined) return { shown: secrets, keys: [] };
  const keys = Object.entries(secrets).map(([name, value], index) => ({
    ...{ name, value, placeholder: placeholderOf(visit, index) },
  }));
  const shown = Object.fromEntries(keys.map(({ name, placeholder }) => [name, placeholder]));
  return { shown, keys };
}
