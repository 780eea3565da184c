import { PitayaError } from "@pitaya/protocol";
import { type Environment, given } from "./given.ts";
import type { AgentPlugin, CredentialMode, CredentialRule, Provider } from "./plugin.port.ts";
import { chosenProvider, type ProviderChoice } from "./provider-choice.ts";

/** What the user gave, by flag and by environment. */
export interface CredentialSources {
  readonly mode?: CredentialMode;
  readonly oauthToken?: string;
  readonly apiKey?: string;
  readonly baseUrl?: string;
  /** Of the run: some models' names tell their provider. */
  readonly model?: string;
  readonly env: Environment;
}

export interface Credentials {
  readonly mode: CredentialMode;
  /** What the agent gets, under the names it needs; nothing else of the user's. The key is first. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The flag or variable it was given by. */
  readonly from: string;
  /** Variables that would have served too, and were passed over. */
  readonly unused: readonly string[];
  /** Of a plugin that can use several. */
  readonly provider?: string;
  readonly baseUrl?: string;
  /** Variables that say where the credential goes: of the address, and of the choice of a provider. */
  readonly addressedBy: readonly string[];
}

/**
 * The credential the agent is to use: a flag before the environment, and of several kinds the one
 * the mode asks for, or the plugin's first. Of several providers the one that is named, or else the
 * first that a key is there for.
 *
 * @throws `credentials_missing`, naming what to set; `usage` for a value that can be none
 */
export function resolveCredentials(plugin: AgentPlugin, sources: CredentialSources): Credentials {
  const choice = chosenProvider(plugin, sources.env, sources.model);
  const secrets = environmentOf(plugin, sources.env);
  if (plugin.credentials.length === 0) {
    return {
      ...{ mode: "api", secrets, from: "the environment", unused: [] },
      ...addressOf(plugin, sources, choice),
    };
  }
  const allowed = (choice?.rules ?? plugin.credentials).filter(
    (rule) => sources.mode === undefined || rule.mode === sources.mode,
  );
  const found = find(allowed, sources);
  if (found !== undefined) {
    const { rule, value, from, unused } = found;
    refuseWhiteSpace(value, from);
    return {
      ...{ mode: rule.mode, secrets: { [rule.env]: value, ...secrets }, from, unused },
      ...addressOf(plugin, sources, choice ?? providerNamed(plugin, rule.provider)),
    };
  }
  const keyless = keylessProvider(plugin, sources, choice);
  if (keyless !== undefined) {
    const address = addressOf(plugin, sources, keyless);
    const [from = "--base-url"] = address.addressedBy;
    return { mode: "api", secrets, from, unused: [], ...address };
  }
  throw missing(plugin, sources, allowed);
}

interface Found {
  readonly rule: CredentialRule;
  readonly value: string;
  readonly from: string;
  readonly unused: readonly string[];
}

function find(rules: readonly CredentialRule[], sources: CredentialSources): Found | undefined {
  const flags = { "oauth-token": sources.oauthToken, "api-key": sources.apiKey };
  const ways = [
    ...rules.map((rule) => ({ rule, value: given(flags[rule.flag]), from: `--${rule.flag}` })),
    ...rules.map((rule) => ({ rule, value: given(sources.env[rule.source]), from: rule.source })),
  ];
  const [first, ...others] = ways.filter(({ value }) => value !== undefined);
  if (first?.value === undefined) return undefined;
  const unused = others.map(({ from }) => from).filter((from) => from !== first.from);
  return { ...first, value: first.value, unused: [...new Set(unused)] };
}

type Chosen = Pick<ProviderChoice, "provider" | "by">;

function providerNamed({ providers = [] }: AgentPlugin, name?: string): Chosen | undefined {
  const provider = providers.find((each) => each.name === name);
  return provider && { provider, by: [] };
}

/** A provider that needs no key, once its address is there. */
function keylessProvider(
  { providers = [] }: AgentPlugin,
  { mode, env }: CredentialSources,
  choice: ProviderChoice | undefined,
): Chosen | undefined {
  if (mode === "subscription") return undefined;
  if (choice !== undefined) return choice.provider.keyless ? choice : undefined;
  const provider = providers.find(
    ({ keyless, baseUrlSource }) => keyless && given(env[baseUrlSource]) !== undefined,
  );
  return provider && { provider, by: [] };
}

function missing(
  { name, providers = [] }: AgentPlugin,
  { mode }: CredentialSources,
  allowed: readonly CredentialRule[],
): PitayaError {
  const ofFlag = (flag: string) => {
    const sources = allowed.filter((rule) => rule.flag === flag).map(({ source }) => source);
    return `${[...new Set(sources)].join(", ")} or --${flag}`;
  };
  const names = new Set(allowed.map(({ provider }) => provider));
  const keyless = providers.filter((each) => each.keyless && names.has(each.name));
  const ways = [
    ...[...new Set(allowed.map(({ flag }) => flag))].map(ofFlag),
    ...keyless.map((each) => `${each.baseUrlSource} alone`),
  ];
  const inMode = mode === undefined ? "" : ` in mode ${mode}`;
  return new PitayaError("credentials_missing", `no credentials for ${name}${inMode}`, {
    hint:
      ways.length === 0 ? `${name} has no credential of that kind` : `set ${ways.join(", or ")}`,
  });
}

function environmentOf(
  { name, environment = [] }: AgentPlugin,
  env: Environment,
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

/** Where the credential goes, and by what that was said. */
function addressOf(
  plugin: AgentPlugin,
  { baseUrl, env }: CredentialSources,
  chosen: Chosen | undefined,
): Pick<Credentials, "provider" | "baseUrl" | "addressedBy"> {
  const { provider, by = [] } = chosen ?? {};
  const source = addressSources(plugin, provider).find((name) => given(env[name]) !== undefined);
  const flag = given(baseUrl);
  const text = flag ?? (source === undefined ? undefined : given(env[source]));
  if (text !== undefined) refuseAddress(text, plugin, provider);
  if (text === undefined && provider && provider.baseUrl === undefined) {
    throw new PitayaError("usage", `${plugin.name}: ${provider.name} has no address`, {
      hint: `set ${addressSources(plugin, provider).join(" or ")}, or give --base-url`,
    });
  }
  return {
    ...(provider !== undefined && { provider: provider.name }),
    ...(text !== undefined && { baseUrl: text }),
    addressedBy: [...(flag === undefined && source !== undefined ? [source] : []), ...by],
  };
}

const addressSources = (
  { baseUrlSource, providerVariables }: AgentPlugin,
  provider: Provider | undefined,
): readonly string[] => [
  ...(baseUrlSource === undefined ? [] : [baseUrlSource]),
  ...(provider === undefined
    ? []
    : [providerVariables?.baseUrl ?? [], provider.baseUrlSource].flat()),
];

/** It stands in the engine's configuration and in logs: so without any secret. */
function refuseAddress(text: string, plugin: AgentPlugin, provider: Provider | undefined): void {
  const url = URL.parse(text);
  const refuse = (reason: string) =>
    new PitayaError("usage", `the base URL ${reason}`, {
      hint: `give ${["--base-url", ...addressSources(plugin, provider)].join(" or ")} as http://… or https://…, and the credential by itself`,
    });
  if (url === null || !/^https?:$/.test(url.protocol)) throw refuse("is no http or https address");
  if (url.username !== "" || url.password !== "") throw refuse("holds a user name or password");
}
