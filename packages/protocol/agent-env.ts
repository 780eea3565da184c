import { z } from "zod";

/**
 * Names that would decide more than a task may: which programs run and how they are loaded, whom
 * they believe, where the agent's credential goes, and the names such credentials have.
 */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [
    /^(PATH|HOME|USER|LOGNAME|SHELL|IFS|ENV|BASH_ENV|PWD|CDPATH|TMPDIR)$/,
    "belongs to the container",
  ],
  [/^(LD|DYLD)_/, "decides what programs load"],
  [/^(NODE_OPTIONS|NODE_PATH|PYTHONPATH|PYTHONHOME|PYTHONSTARTUP)$/, "decides what programs load"],
  [/^(PERL5LIB|PERL5OPT|RUBYOPT|RUBYLIB|JAVA_TOOL_OPTIONS)$/, "decides what programs load"],
  [/^GIT_/, "decides what git does"],
  [/(^|_)PROXY$/, "decides where the agent's credential goes"],
  [
    /^(SSL_CERT_|CURL_CA_|REQUESTS_CA_|NODE_EXTRA_CA_|NODE_TLS_)/,
    "decides whom the agent believes",
  ],
  [/_(BASE_URL|ENDPOINT)$|^CLAUDE_CODE_USE_/, "decides where the agent's credential goes"],
  [
    /(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|(API_|ACCESS_|PRIVATE_)?KEY)$/,
    "is the name of a credential",
  ],
  [/^PITAYA_/, "is Pitaya's own"],
];

/** Why a task may not set this variable for its agent; undefined where it may. */
export const refusedEnvName = (name: string): string | undefined =>
  REFUSED.find(([pattern]) => pattern.test(name.toUpperCase()))?.[1];

const EnvName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,127}$/, "expected the name of an environment variable")
  .superRefine((name, ctx) => {
    const reason = refusedEnvName(name);
    if (reason !== undefined) ctx.addIssue({ code: "custom", message: `${name} ${reason}` });
  });

/** Environment of an agent beside what its plugin sets. In clear text everywhere: nothing secret. */
export const AgentEnv = z
  .record(
    EnvName,
    z
      .string()
      .max(32_768)
      .refine((value) => !value.includes("\0"), "expected no NUL character"),
    {
      // Of a name that will not do, why; the library says only that it will not.
      error: (issue) => (issue.code === "invalid_key" ? issue["issues"][0]?.message : undefined),
    },
  )
  .refine((env) => Object.keys(env).length <= 64, "expected at most 64 variables");
export type AgentEnv = z.infer<typeof AgentEnv>;
