import { type AgentPlugin, pluginOf, resolveCredentials } from "@pitaya/plugins";
import { KeyPolicy, PitayaError, type RunOverride, type RunSpec } from "@pitaya/protocol";
import type { FlagName } from "../command-line/flags.ts";
import { otherCredentials, ownCredentials } from "../follow/own-credentials.ts";
import type { Session } from "../session.ts";
import { checkAddress } from "./agent-address.rules.ts";
import { credentialSources } from "./agent-choice.ts";
import { settingsOverride } from "./run-override.rules.ts";
import type { Credentials } from "./sealed-credentials.ts";

/** What this invocation brings to a run that is to go on. */
export interface ResumeRequest {
  /** Empty where there are none, whatever the run needs. */
  readonly credentials: Credentials;
  readonly override: RunOverride | undefined;
}

/** Flags that say how a run does its work, which it settled when it was submitted. */
const SETTLED: readonly FlagName[] = [
  ...(["timeout", "max-parallel", "max-startup-parallel", "cpu", "memory", "network"] as const),
  ...(["mode", "base-url"] as const),
];

/** @throws {PitayaError} `usage` */
export function keyPolicyOf(session: Session): KeyPolicy | undefined {
  const given = session.value("resume-key-policy");
  const parsed = KeyPolicy.optional().safeParse(given);
  if (parsed.success) return parsed.data;
  throw new PitayaError("usage", `--resume-key-policy: expected strict or suffix, not "${given}"`);
}

/** @throws {PitayaError} `usage` for a flag that would change the run, where none may */
export function refuseStrayFlags(session: Session): void {
  if (session.has("override-config")) return;
  const [stray] = SETTLED.filter(session.has);
  if (stray !== undefined) throw needsOverride(`--${stray}`);
}

const needsOverride = (what: string) =>
  new PitayaError("usage", `${what} would change the settings the run was submitted with`, {
    hint: "Add --override-config to lay it over them.",
  });

/**
 * @param client this process on the bus
 * @throws {PitayaError} `usage`, `credentials_missing`
 */
export async function resumeRequest(
  session: Session,
  spec: RunSpec,
  client: string,
): Promise<ResumeRequest> {
  const plugin = pluginOf(spec.agent);
  if (session.has("override-config")) return overriding(session, spec, plugin, client);
  const { credentials, provider } = spec.agent;
  const held = plugin.credentials.filter(({ env }) => credentials.includes(env));
  const kinds = [...held.map(({ flag }) => flag), ...(provider ? ["api-key"] : [])];
  const other = plugin.credentials.find(({ flag }) => session.has(flag) && !kinds.includes(flag));
  if (other) throw needsOverride(`--${other.flag}`);
  return { credentials: await ownCredentials(session, spec, client), override: undefined };
}

async function overriding(
  session: Session,
  spec: RunSpec,
  plugin: AgentPlugin,
  client: string,
): Promise<ResumeRequest> {
  const settings = settingsOverride(session.settings);
  const named = session.has("api-key") || session.has("oauth-token");
  // The environment says nothing of a run of somebody else's; see `ownCredentials`.
  const needsNone = plugin.credentials.length === 0 && !plugin.environment?.length;
  if (needsNone || (spec.client !== client && !named)) {
    return { credentials: {}, override: settings };
  }
  const own = named || session.has("mode") ? {} : await ownCredentials(session, spec, client);
  const only = spec.agent.credentials.filter((name) => own[name] !== undefined);
  const others = spec.client === client ? otherCredentials(session, spec) : {};
  const { model } = spec.agent;
  const found = resolveCredentials(plugin, {
    ...credentialSources(session),
    ...(model !== undefined && { model }),
    ...(only.length > 0 && { only }),
  });
  const { secrets, provider, baseUrl } = found;
  checkAddress(session.variables, found);
  const names = Object.keys(secrets);
  const isOther = names.some((name) => !spec.agent.credentials.includes(name));
  return {
    credentials: { ...others, ...secrets },
    override: {
      ...settings,
      ...(baseUrl !== undefined && { baseUrl }),
      ...(provider !== undefined && { provider }),
      ...(isOther && { credentials: names }),
    },
  };
}
