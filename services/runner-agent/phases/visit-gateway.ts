import type { AgentPlugin, TokenUsage } from "@pitaya/plugins";
import { hiddenSecrets, visitOf } from "../domain/gateway-visit.rules.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { extraCaOf } from "./extra-ca.ts";

/** Whether the attempt uses the gateway, and as whom. @param plugin absent where no agent is called */
export async function planVisit(
  scope: AttemptScope,
  plugin: AgentPlugin | undefined,
): Promise<void> {
  const asked = visitOf(scope.command.task, plugin);
  if (asked) scope.visit = { ...asked, token: await scope.directory.gatewayToken() };
}

/**
 * Opens the gateway to an attempt that uses it. What it asks for there before `secrets` are known
 * waits for them.
 */
export async function visitGateway(
  scope: AttemptScope,
  secrets: Promise<Readonly<Record<string, string>>>,
): Promise<void> {
  const { visit, command, gateway, executor } = scope;
  if (visit === undefined) return;
  const { networkAllow = [] } = command.task;
  const pass = async () => {
    const [pem, values] = await Promise.all([extraCaOf(scope), secrets]);
    const { keys } = hiddenSecrets(visit, values);
    return {
      allow: networkAllow,
      ...(visit.provider && { provider: { ...visit.provider, keys } }),
      ...(pem && { extraCa: pem }),
    };
  };
  gateway.admit(visit.token, pass());
  await executor.openGateway(gateway.accept);
}

/** The attempt's token opens nothing any more. @returns what its provider counted */
export function endVisit({ visit, gateway }: AttemptScope): TokenUsage | undefined {
  if (visit === undefined) return undefined;
  const usage = gateway.usageOf(visit.token);
  gateway.dismiss(visit.token);
  return usage;
}
