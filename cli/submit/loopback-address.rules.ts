import { type AgentPlugin, providerRoute } from "@pitaya/plugins";
import { type AgentSpec, PitayaError } from "@pitaya/protocol";

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$/;

/**
 * An agent that makes its calls itself makes them from its container, whose loopback nobody else is on.
 * Where the gateway makes them, the address is one of the runner's own machine.
 *
 * @throws {PitayaError} `usage`
 */
export function refuseLoopback(
  plugin: AgentPlugin,
  spec: AgentSpec,
  network: "online" | "offline" | "proxy",
): void {
  const url = URL.parse(spec.baseUrl ?? "");
  if (url === null || !LOOPBACK.test(url.hostname) || network !== "online") return;
  if (providerRoute(plugin, spec)?.speaksChatOnly) return;
  const meant = new URL(url);
  meant.hostname = "host.docker.internal";
  throw new PitayaError("usage", `the base URL ${url.href} leads to the agent's own container`, {
    hint: `The machine that the container runs on is ${meant.href} there; with --network proxy the runner makes the calls, and ${url.hostname} is its own machine.`,
  });
}
