import { expect, it } from "vitest";
import { AgentEnv } from "./agent-env.ts";

it.each(["CI", "NODE_ENV", "DATABASE_URL", "npm_config_yes", "KEYBOARD", "TZ"])(
  "an agent may be given %s",
  (name) => expect(AgentEnv.parse({ [name]: "1" })).toEqual({ [name]: "1" }),
);

it.each([
  ...["PATH", "home", "LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV", "GIT_SSH_COMMAND"],
  ...["HTTPS_PROXY", "no_proxy", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_USE_BEDROCK"],
  ...["NODE_EXTRA_CA_CERTS", "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY"],
  ...["CLAUDE_CODE_OAUTH_TOKEN", "OPENAI_KEY", "PITAYA_NATS_URL", "A B", "1A", ""],
])("but not %j", (name) => expect(AgentEnv.safeParse({ [name]: "1" }).success).toBe(false));

it("and is told why", () => {
  const refused = AgentEnv.safeParse({ LD_PRELOAD: "/x.so" });
  expect(refused.error?.issues).toMatchObject([
    { path: ["LD_PRELOAD"], message: "LD_PRELOAD decides what programs load" },
  ]);
});
