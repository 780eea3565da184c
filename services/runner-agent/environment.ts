import { z } from "zod";
import type { StartOptions } from "./index.ts";
import { VERSION } from "./version.ts";

const whole = z.coerce.number().int().positive();

const list = (text: string | undefined): readonly string[] =>
  (text ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));

/** The runner-agent's whole environment. Keys of the configuration, levels by two underscores. */
const Environment = z.object({
  /** Server addresses, comma-separated. */
  PITAYA_NATS_URL: z.string(),
  /** File with its credential; its id is the runner's. */
  PITAYA_NATS__CREDS: z.string(),
  PITAYA_RUNNER__STATE_DIR: z.string().default("/var/lib/pitaya"),
  PITAYA_RUNNER__POOL: z.string().optional(),
  /** `key=value`, comma-separated. */
  PITAYA_RUNNER__LABELS: z.string().optional(),
  PITAYA_RUNNER__SLOTS: whole.optional(),
  PITAYA_RUNNER__HELPER_IMAGE: z.string().optional(),
  /** Addresses of this host that agents may reach: `host:port`, comma-separated. */
  PITAYA_RUNNER__HOST_ENDPOINTS: z.string().optional(),
  PITAYA_RUNNER__ALLOW_ONLINE_WITHOUT_RULES: z.stringbool().default(false),
  PITAYA_LEASE__RUNNER_MS: whole.optional(),
  PITAYA_LEASE__PAUSE_MAX_MS: whole.optional(),
  PITAYA_LOGGING__LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  DOCKER_HOST: z.string().optional(),
});

/** What the runner-agent's process is told. An empty variable is none. @throws ZodError naming the variable */
export function environment(env: NodeJS.ProcessEnv) {
  const e = Environment.parse(Object.fromEntries(Object.entries(env).filter(([, v]) => v !== "")));
  const options: Omit<StartOptions, "bus" | "servers" | "runner" | "log" | "warden"> = {
    version: VERSION,
    stateDir: e.PITAYA_RUNNER__STATE_DIR,
    labels: Object.fromEntries(list(e.PITAYA_RUNNER__LABELS).map(pairOf)),
    hostEndpoints: list(e.PITAYA_RUNNER__HOST_ENDPOINTS).map(endpointOf),
    allowOnlineWithoutRules: e.PITAYA_RUNNER__ALLOW_ONLINE_WITHOUT_RULES,
    ...(e.DOCKER_HOST !== undefined && { engine: e.DOCKER_HOST }),
    ...(e.PITAYA_RUNNER__POOL !== undefined && { pool: e.PITAYA_RUNNER__POOL }),
    ...(e.PITAYA_RUNNER__SLOTS !== undefined && { slots: e.PITAYA_RUNNER__SLOTS }),
    ...(e.PITAYA_RUNNER__HELPER_IMAGE !== undefined && {
      helperImage: e.PITAYA_RUNNER__HELPER_IMAGE,
    }),
    ...(e.PITAYA_LEASE__RUNNER_MS !== undefined && { leaseMs: e.PITAYA_LEASE__RUNNER_MS }),
    ...(e.PITAYA_LEASE__PAUSE_MAX_MS !== undefined && { pauseMaxMs: e.PITAYA_LEASE__PAUSE_MAX_MS }),
  };
  return {
    servers: list(e.PITAYA_NATS_URL),
    credentials: e.PITAYA_NATS__CREDS,
    level: e.PITAYA_LOGGING__LEVEL,
    options,
  };
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, "true"] : [text.slice(0, at), text.slice(at + 1)];
}

function endpointOf(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at), port: whole.parse(text.slice(at + 1)) };
}
