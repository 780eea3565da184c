import type { AgentSpec } from "@pitaya/protocol";
import type { AgentPlugin } from "./plugin.port.ts";

/** An address that names this endpoint itself says that there is no other. */
const CHAT_ENDPOINT = /\/chat\/completions\/?$/;

/** Where an agent's calls to its provider go, and what they are answered in there. */
export interface ProviderRoute {
  readonly url: string;
  /** The provider has chat completions alone, and the agent asks for Responses. */
  readonly speaksChatOnly: boolean;
}

/** Undefined for an agent that has no provider, or one whose address nobody knows. */
export function providerRoute(
  plugin: Pick<AgentPlugin, "providers" | "baseUrl" | "asks">,
  agent: Pick<AgentSpec, "provider" | "baseUrl">,
): ProviderRoute | undefined {
  const provider = plugin.providers?.find(({ name }) => name === agent.provider);
  const url = agent.baseUrl ?? provider?.baseUrl ?? plugin.baseUrl;
  if (url === undefined) return undefined;
  const hasChatOnly = provider?.speaks === "chat" || CHAT_ENDPOINT.test(url);
  return {
    url: url.replace(CHAT_ENDPOINT, ""),
    speaksChatOnly: plugin.asks === "responses" && hasChatOnly,
  };
}
