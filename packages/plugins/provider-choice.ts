import { PitayaError } from "@pitaya/protocol";
import { type Environment, given } from "./given.ts";
import type { AgentPlugin, CredentialRule, Provider } from "./plugin.port.ts";
import { keyOf } from "./providers.ts";

/** A provider that is settled before anybody looks for keys. */
export interface ProviderChoice {
  readonly provider: Provider;
  /** Ways in which its key can be given, the first one first. */
  readonly rules: readonly CredentialRule[];
  /** Variable that named it. */
  readonly namedBy?: string;
  /** Variable that named the one with its key. */
  readonly keyNamedBy?: string;
}

const prefixOf = (key: string): string => key.replace(/_API_KEY$/, "");

/**
 * The provider that the user, or the model's own name, says; undefined where the keys that are there
 * decide.
 *
 * The plugin's variable for an address is for its variable for a key, which hold for the first
 * provider where none is named: nobody's other key goes there by chance.
 *
 * @throws `usage` for a name that can be none
 */
export function chosenProvider(
  plugin: AgentPlugin,
  env: Environment,
  model: string | undefined,
): ProviderChoice | undefined {
  const { providers = [], providerVariables: names, providerOf } = plugin;
  const known = (name: string | undefined) => providers.find((each) => each.name === name);
  const ofModel = model === undefined ? undefined : known(providerOf?.(model));
  if (names === undefined) {
    return ofModel && { provider: ofModel, rules: [keyOf(ofModel)] };
  }
  const name = providerName(given(env[names.provider]), names.provider);
  const keyName = variableName(given(env[names.keyName]), names.keyName);
  const named = name ?? (keyName === undefined ? undefined : prefixOf(keyName).toLowerCase());
  const hasAddress = given(env[names.baseUrl]) !== undefined;
  const provider =
    named === undefined
      ? (ofModel ?? (hasAddress ? providers[0] : undefined))
      : (known(named) ?? providerOfTheUsers(named, keyName));
  if (provider === undefined) return undefined;
  const chosen = keyName === undefined ? provider : { ...provider, key: keyName };
  const rules = [keyOf(chosen, names.key), keyOf(chosen)];
  return {
    provider: chosen,
    // A key that is named is the one that is meant.
    rules: keyName === undefined ? rules : rules.toReversed(),
    ...(name !== undefined && { namedBy: names.provider }),
    ...(keyName !== undefined && { keyNamedBy: names.keyName }),
  };
}

function providerOfTheUsers(name: string, keyName: string | undefined): Provider {
  const prefix = name.toUpperCase().replaceAll("-", "_");
  return {
    name,
    key: keyName ?? `${prefix}_API_KEY`,
    baseUrlSource: `${keyName === undefined ? prefix : prefixOf(keyName)}_BASE_URL`,
    speaks: "responses",
  };
}

function providerName(text: string | undefined, variable: string): string | undefined {
  if (text === undefined) return undefined;
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(text)) return text.toLowerCase();
  throw new PitayaError("usage", `${variable} is no name of a provider`, {
    hint: "A provider's name has letters, digits, _ and -, such as openrouter.",
  });
}

/** One that programs or their loaders read would be more than a name for a key. */
function variableName(text: string | undefined, variable: string): string | undefined {
  if (text === undefined) return undefined;
  if (/^[A-Z][A-Z0-9_]{0,119}(KEY|TOKEN|SECRET)$/.test(text)) return text;
  throw new PitayaError("usage", `${variable} is no name of a variable with a key`, {
    hint: `${variable} names the variable that holds the key, such as OPENROUTER_API_KEY.`,
  });
}
