import type { Invocation } from "./command-line/parse.rules.ts";
import type { Resolved } from "./settings/resolve.rules.ts";

/** Variables that hold credentials of agents. */
const SECRET_VARIABLE = /^(CLAUDE_CODE_OAUTH_TOKEN|ANTHROPIC_AUTH_TOKEN|[A-Z][A-Z0-9_]*_API_KEY)$/;

export const isCredentialName = (name: string): boolean => SECRET_VARIABLE.test(name);

/**
 * Every secret this process was given, by flag, environment or file: none may be printed or written.
 *
 * @param env with what `.env` adds to it
 * @param settings where they are known already
 */
export function secretsGiven(
  { flags }: Pick<Invocation, "flags">,
  env: Readonly<NodeJS.ProcessEnv>,
  settings?: Pick<Resolved, "values" | "plugins">,
): readonly string[] {
  const declared = new Set(
    [...(settings?.plugins.values() ?? [])].flatMap(({ credentials }) => credentials),
  );
  const fromFlags = [...(flags.get("api-key") ?? []), ...(flags.get("oauth-token") ?? [])];
  const keyName = env["CODEX_ENV_KEY"]?.trim();
  if (keyName) declared.add(keyName);
  const fromEnv = Object.entries(env).flatMap(([name, value]) =>
    (isCredentialName(name) || declared.has(name)) && value !== undefined ? [value] : [],
  );
  const servers = [
    ...(flags.get("nats") ?? []),
    ...[env["PITAYA_NATS_URL"], env["PITAYA_NATS__URL"], settings?.values["nats.url"]],
  ];
  const all = [...fromFlags, ...fromEnv, ...servers.flatMap(passwordIn)];
  return [...new Set(all)].filter((value) => value !== "");
}

function passwordIn(url: string | undefined): readonly string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)];
}
