import { PitayaError } from "@pitaya/protocol";
import type { AgentPlugin, CredentialMode, CredentialRule } from "./plugin.port.ts";

/** What the user gave, by flag and by environment. */
export interface CredentialSources {
  readonly mode?: CredentialMode;
  readonly oauthToken?: string;
  readonly apiKey?: string;
  readonly baseUrl?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Credentials {
  readonly mode: CredentialMode;
  /** What the agent gets, under the names it needs; nothing else of the user's. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The flag or variable it was given by. */
  readonly from: string;
  readonly baseUrl?: string;
}

/**
 * The credential the agent is to use: a flag before the environment, and of several kinds the one
 * the mode asks for, or the plugin's first.
 *
 * @throws `credentials_missing`, naming what to set; `usage` for a value that can be none
 */
export function resolveCredentials(plugin: AgentPlugin, sources: CredentialSources): Credentials {
  const ofItsOwn = environmentOf(plugin, sources.env);
  if (plugin.credentials.length === 0) {
    const baseUrl = baseUrlOf(plugin, sources);
    const found = { mode: "api" as const, secrets: ofItsOwn, from: "the environment" };
    return baseUrl === undefined ? found : { ...found, baseUrl };
  }
  const allowed = plugin.credentials.filter(
    (rule) => sources.mode === undefined || rule.mode === sources.mode,
  );
  const flags = { "oauth-token": sources.oauthToken, "api-key": sources.apiKey };
  const byFlag = ({ flag }: CredentialRule) => [given(flags[flag]), `--${flag}`] as const;
  const byEnv = ({ source }: CredentialRule) => [given(sources.env[source]), source] as const;
  for (const find of [byFlag, byEnv]) {
    for (const rule of allowed) {
      const [value, from] = find(rule);
      if (value === undefined) continue;
      refuseWhiteSpace(value, from);
      const baseUrl = baseUrlOf(plugin, sources);
      const found = { mode: rule.mode, secrets: { ...ofItsOwn, [rule.env]: value }, from };
      return baseUrl === undefined ? found : { ...found, baseUrl };
    }
  }
  const ways = allowed.map((rule) => `${rule.source} or --${rule.flag}`);
  const inMode = sources.mode === undefined ? "" : ` in mode ${sources.mode}`;
  throw new PitayaError("credentials_missing", `no credentials for ${plugin.name}${inMode}`, {
    hint: `set ${ways.join(", or ")}`,
  });
}

function environmentOf(
  { name, environment = [] }: AgentPlugin,
  env: CredentialSources["env"],
): Readonly<Record<string, string>> {
  const missing = environment.filter((variable) => given(env[variable]) === undefined);
  if (missing.length > 0) {
    throw new PitayaError("credentials_missing", `no credentials for ${name}`, {
      hint: `set ${missing.join(" and ")}`,
    });
  }
  const found = environment.map((variable) => [variable, given(env[variable]) ?? ""] as const);
  for (const [variable, value] of found) refuseWhiteSpace(value, variable);
  return Object.fromEntries(found);
}

function refuseWhiteSpace(value: string, from: string): void {
  if (/[\s\p{Cc}]/u.test(value)) {
    throw new PitayaError("usage", `the value of ${from} has white space`);
  }
}

/** The provider's address, in the engine's configuration and in logs: so without any secret. */
function baseUrlOf(plugin: AgentPlugin, sources: CredentialSources): string | undefined {
  const text = given(sources.baseUrl) ?? given(sources.env[plugin.baseUrlSource ?? ""]);
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const refuse = (reason: string) =>
    new PitayaError("usage", `the base URL ${reason}`, {
      hint: `give ${["--base-url", plugin.baseUrlSource].filter((way) => way).join(" or ")} as http://… or https://…, and the credential by itself`,
    });
  if (url === null || !/^https?:$/.test(url.protocol)) throw refuse("is no http or https address");
  if (url.username !== "" || url.password !== "") throw refuse("holds a user name or password");
  return text;
}

const given = (value: string | undefined): string | undefined => {
  const trimmed = value?.trim();
  return trimmed === "" ? undefined : trimmed;
};
