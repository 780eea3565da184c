import type { Invocation } from "./command-line/parse.rules.ts";

/** Variables that hold credentials of agents. */
const SECRET_VARIABLE = /^(CLAUDE_CODE_OAUTH_TOKEN|ANTHROPIC_AUTH_TOKEN|[A-Z][A-Z0-9_]*_API_KEY)$/;

/** Every secret this process was given, by flag or environment: none may be printed or written. */
export function secretsGiven(
  { flags }: Pick<Invocation, "flags">,
  env: Readonly<NodeJS.ProcessEnv>,
): readonly string[] {
  const fromFlags = [...(flags.get("api-key") ?? []), ...(flags.get("oauth-token") ?? [])];
  const fromEnv = Object.entries(env).flatMap(([name, value]) =>
    SECRET_VARIABLE.test(name) && value !== undefined ? [value] : [],
  );
  const servers = [...(flags.get("nats") ?? []), env["PITAYA_NATS_URL"], env["PITAYA_NATS__URL"]];
  const all = [...fromFlags, ...fromEnv, ...servers.flatMap(passwordIn)];
  return [...new Set(all)].filter((value) => value !== "");
}

function passwordIn(url: string | undefined): readonly string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)];
}
