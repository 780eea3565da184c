import { z } from "zod";
import type { StartOptions } from "./index.ts";

const whole = z.coerce.number().int().positive();

const list = (text: string | undefined): readonly string[] =>
  (text ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));

const Environment = z.object({
  /** Comma-separated server addresses. */
  PITAYA_NATS_URL: z.string().default("nats://127.0.0.1:4222"),
  /** Credential file of this runner; its id is the runner's. */
  PITAYA_NATS__CREDS: z.string().optional(),
  /** The runner's id on a server without credentials. */
  PITAYA_RUNNER__ID: z.string().default("runner"),
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
  PITAYA_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  PITAYA_BUILD: z.string().default("source"),
  DOCKER_HOST: z.string().optional(),
});

/** The runner-agent's settings, as its process gets them. @throws ZodError naming the variable */
export function environment(env: NodeJS.ProcessEnv) {
  const e = Environment.parse(env);
  const options: Omit<StartOptions, "bus" | "servers" | "runner" | "log" | "warden"> = {
    version: e.PITAYA_BUILD,
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
  };
  return {
    servers: list(e.PITAYA_NATS_URL),
    credentials: e.PITAYA_NATS__CREDS,
    runner: e.PITAYA_RUNNER__ID,
    logLevel: e.PITAYA_LOG_LEVEL,
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
