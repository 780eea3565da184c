import { type ModelServer, startModelServer } from "../model-server/model-server.ts";

/** Whom the agent of the demo talks to. */
export interface AgentSetting {
  /** Said in the first line and in the last. */
  readonly promise: string;
  /** What the figures of the run mean. */
  readonly cost: string;
  readonly prompt: string;
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

const KEYS = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"] as const;
/** As containers reach the host. */
const HOST = "host.docker.internal";

/** The scripted model server of this repository; no credential of the user's is even passed on. */
export async function scriptedModel(env: NodeJS.ProcessEnv): Promise<AgentSetting> {
  const server: ModelServer = await startModelServer({ host: "0.0.0.0", port: 0 });
  const kept = Object.entries(env).filter(([name]) => !/^(ANTHROPIC|CLAUDE)_/.test(name));
  return {
    promise:
      "the real Claude Code CLI talks to a scripted model server on this machine; no paid service is used.",
    cost: "The cost above is what Claude Code reckons for the script's made-up tokens; nobody is charged.",
    prompt: "Add a HELLO.md that says how it came here",
    flags: ["--base-url", server.url("demo", "demo", HOST)],
    env: { ...Object.fromEntries(kept), ANTHROPIC_API_KEY: "sk-ant-demo-no-real-key" },
    close: () => server.close(),
  };
}

/** The user's own account. `undefined` where no credential is there. */
export function ownAccount(env: NodeJS.ProcessEnv): AgentSetting | undefined {
  const name = KEYS.find((key) => env[key]);
  if (name === undefined) return undefined;
  return {
    promise: `the real Claude Code CLI calls the real provider with your ${name}, at your cost.`,
    cost: "The cost above is what Claude Code reckons for this run.",
    prompt: "Add a HELLO.md of three lines that greets whoever reads it, and commit it",
    flags: [],
    env,
    close: async () => {},
  };
}
