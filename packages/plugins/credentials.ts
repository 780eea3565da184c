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
  readonly baseUrl?: string;
}

/**
 * The credential the agent is to use: a flag before the environment, and of several kinds the one
 * the mode asks for, or the plugin's first.
 *
 * @throws `credentials_missing`, naming what to set
 */
export function resolveCredentials(plugin: AgentPlugin, sources: CredentialSources): Credentials {
  const allowed = plugin.credentials.filter(
    (rule) => sources.mode === undefined || rule.mode === sources.mode,
  );
  const flags = { "oauth-token": sources.oauthToken, "api-key": sources.apiKey };
  const byFlag = (rule: CredentialRule) => given(flags[rule.flag]);
  const byEnv = (rule: CredentialRule) => given(sources.env[rule.source]);
  for (const find of [byFlag, byEnv]) {
    for (const rule of allowed) {
      const value = find(rule);
      if (value === undefined) continue;
      const baseUrl = given(sources.baseUrl) ?? given(sources.env[plugin.baseUrlSource]);
      const found = { mode: rule.mode, secrets: { [rule.env]: value } };
      return baseUrl === undefined ? found : { ...found, baseUrl };
    }
  }
  const ways = allowed.map((rule) => `${rule.source} or --${rule.flag}`);
  const inMode = sources.mode === undefined ? "" : ` in mode ${sources.mode}`;
  throw new PitayaError("credentials_missing", `no credentials for ${plugin.name}${inMode}`, {
    hint: `set ${ways.join(", or ")}`,
  });
}

const given = (value: string | undefined): string | undefined => {
  const trimmed = value?.trim();
  return trimmed === "" ? undefined : trimmed;
};
