/** Where things are inside an agent's container. The wrapper's scripts name the same places. */
export const PLACE = {
  workspace: "/workspace",
  home: "/home/agent",
  wrapper: "/pitaya/wrapper",
  exchange: "/pitaya/exchange",
  /** A tmpfs: fifos and segments of the output. */
  run: "/pitaya/run",
  checkout: "/pitaya/checkout",
  pack: (sha256: string): string => `/pitaya/packs/${sha256}`,
} as const;

/** Owns the workspace and runs the agent. */
export const AGENT_USER = "1000:1000";
