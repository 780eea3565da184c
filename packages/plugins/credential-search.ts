import { PitayaError } from "@pitaya/protocol";
import type { CredentialSources } from "./credentials.ts";
import { type Environment, given } from "./given.ts";
import type { AgentPlugin, CredentialRule } from "./plugin.port.ts";

/** A credential that is there. */
export interface FoundCredential {
  readonly rule: CredentialRule;
  readonly value: string;
  /** The flag or variable it was given by. */
  readonly from: string;
  /** Others that would have served too. */
  readonly unused: readonly string[];
}

/**
 * The first credential that is there: flags before variables, and then in the rules' order.
 *
 * @throws `usage` for a value that can be none
 */
export function findCredential(
  rules: readonly CredentialRule[],
  { oauthToken, apiKey, env }: CredentialSources,
): FoundCredential | undefined {
  const flags = { "oauth-token": oauthToken, "api-key": apiKey };
  const ways = [
    ...rules.map((rule) => ({ rule, value: given(flags[rule.flag]), from: `--${rule.flag}` })),
    ...rules.map((rule) => ({ rule, value: given(env[rule.source]), from: rule.source })),
  ];
  const [first, ...others] = ways.filter(({ value }) => value !== undefined);
  if (first?.value === undefined) return undefined;
  refuseOdd(first.value, first.from);
  // It goes into a header.
  if (/[^\x21-\x7e]/.test(first.value)) {
    throw new PitayaError("usage", `the value of ${first.from} has a character that no key has`, {
      hint: "Keys are letters, digits and signs of ASCII: copy it again from where it was issued.",
    });
  }
  const unused = others.map(({ from }) => from).filter((from) => from !== first.from);
  return { ...first, value: first.value, unused: [...new Set(unused)] };
}

/**
 * The variables a plugin needs as they are, all of them.
 *
 * @throws `credentials_missing`, naming them; `usage` for a value that can be none
 */
export function secretVariables(
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
  for (const [variable, value] of found) refuseOdd(value, variable);
  return Object.fromEntries(found);
}

const FLAG_MODES = { "oauth-token": "subscription", "api-key": "api" } as const;

/**
 * A credential that was named on the command line is not left aside in silence.
 *
 * @throws `usage`, naming the flag
 */
export function refuseStrayFlags(
  { name, credentials, environment = [] }: AgentPlugin,
  { mode, oauthToken, apiKey }: CredentialSources,
): void {
  const values = { "oauth-token": oauthToken, "api-key": apiKey };
  for (const flag of ["oauth-token", "api-key"] as const) {
    if (given(values[flag]) === undefined) continue;
    if (!credentials.some((rule) => rule.flag === flag)) {
      const hint = environment.length === 0 ? {} : { hint: `set ${environment.join(" and ")}` };
      throw new PitayaError("usage", `${name} takes no --${flag}`, hint);
    }
    if (mode !== undefined && mode !== FLAG_MODES[flag]) {
      throw new PitayaError("usage", `--${flag} is nothing for --mode ${mode}`);
    }
  }
  if (mode !== undefined && credentials.length === 0) {
    throw new PitayaError("usage", `${name} takes no --mode`);
  }
}

/** A key is some hundred bytes, and a document with keys some thousand. */
const MAX_LENGTH = 32_768;

function refuseOdd(value: string, from: string): void {
  if (value.length > MAX_LENGTH) {
    throw new PitayaError("usage", `the value of ${from} is too long: ${value.length} characters`, {
      hint: `A credential has at most ${MAX_LENGTH}.`,
    });
  }
  if (/[\s\p{Cc}]/u.test(value)) {
    throw new PitayaError("usage", `the value of ${from} has white space`);
  }
}

/** Says what to set, of the ways that are allowed. */
export function credentialsMissing(
  { name, providers = [] }: AgentPlugin,
  { mode }: Pick<CredentialSources, "mode">,
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
