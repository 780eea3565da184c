import { GATEWAY } from "../../ports/executor.port.ts";
import type { GuardedBridge, Naming } from "./names.ts";

/**
 * The two chains for `iptables-restore` of the bridge that leads to the gateway and nowhere else:
 * nothing goes through this host, and to this host only what is for the relay.
 */
export function gatewayRules(naming: Naming, address: string): string {
  const { forwardChain, inputChain }: GuardedBridge = naming.gateway;
  const tag = `-m comment --comment "pitaya runner ${naming.runnerId}"`;
  return [
    "*filter",
    `:${forwardChain} - [0:0]`,
    `:${inputChain} - [0:0]`,
    `-A ${forwardChain} ${tag} -j DROP`,
    `-A ${inputChain} -d ${address}/32 -p tcp --dport ${GATEWAY.port} ${tag} -j ACCEPT`,
    `-A ${inputChain} ${tag} -j DROP`,
    "COMMIT",
    "",
  ].join("\n");
}
