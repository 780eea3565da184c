import type { ErrorCode } from "@pitaya/protocol";

/** What a task asks of an agent CLI. Fields a CLI cannot honour are refused by {@link AgentPlugin.check}. */
export interface AgentTask {
  readonly prompt: string;
  readonly model?: string;
  /** Tokens for the agent CLI's own command line, before the prompt, in order. */
  readonly cliArgs: readonly string[];
  /** Told to the agent beside the prompt, however it can be told: the commit contract. */
  readonly instruction?: string;
  /** Instead of the CLI's own. */
  readonly systemPrompt?: string;
  /** After the CLI's own. */
  readonly appendSystemPrompt?: string;
  readonly maxTurns?: number;
  /** JSON Schema that the final message keeps to. */
  readonly outputSchema?: Readonly<Record<string, unknown>>;
  /** Continue this session of an earlier attempt or task; `prompt` is then what it is told next. */
  readonly resumeSessionId?: string;
  /** Provider address, as the agent's container reaches it. */
  readonly baseUrl?: string;
  /** Which provider, of a plugin that can use several: one of its own, or one that the user named. */
  readonly provider?: AgentProvider;
}

/** A provider as an agent is told of it. */
export interface AgentProvider {
  readonly name: string;
  /** Variable that the agent has its key in; absent where it needs none. */
  readonly keyEnv?: string;
}

/** How the agent is started. Holds no secret. */
export interface AgentCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Text for the agent's stdin; without it stdin is empty. Used for prompts over 96 KiB. */
  readonly stdin?: string;
  /** Texts of files, by their bare names: it finds them as `agentFile(name)` and cannot change them. */
  readonly files?: Readonly<Record<string, string>>;
}

export type CredentialMode = "subscription" | "api";

/** One way to authenticate: a value the user gives under `source`, given to the agent as `env`. */
export interface CredentialRule {
  readonly mode: CredentialMode;
  /** Where the value comes from on the user's side. */
  readonly flag: "oauth-token" | "api-key";
  readonly source: string;
  readonly env: string;
  /** Whose it is, of the plugin's `providers`. */
  readonly provider?: string;
}

/** A service that models are had from. */
export interface Provider {
  /** `openrouter`: small letters, digits, `_` and `-`. */
  readonly name: string;
  /** Variable of its key: in the user's environment, and in the agent's. */
  readonly key: string;
  /** Variable of the user's environment with its address. */
  readonly baseUrlSource: string;
  /** Its address where the user names none. Without one the user has to. */
  readonly baseUrl?: string;
  /** It answers without a key: its address is enough to choose it. */
  readonly keyless?: boolean;
  /** The interface it has: OpenAI's Responses, chat completions alone, Anthropic's Messages, or Gemini's. */
  readonly speaks: "responses" | "chat" | "messages" | "gemini";
}

/** Variables of the user's environment that say which provider a plugin uses, whatever keys there are. */
export interface ProviderVariables {
  /** Names a provider: one of the plugin's, or one of the user's own. */
  readonly provider: string;
  /** Names the variable that holds the key, and is its name for the agent too. */
  readonly keyName: string;
  /** Holds the key, of whichever provider. */
  readonly key: string;
  /** Holds the address, of whichever provider. */
  readonly baseUrl: string;
}

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

/**
 * What a plugin reads from an agent's output while it runs, sub-agents' work included. Messages are
 * cut to 4,000 characters, summaries to 500.
 */
export type AgentRecord =
  | { readonly type: "session"; readonly sessionId: string; readonly model?: string }
  | { readonly type: "message"; readonly text: string }
  | {
      readonly type: "tool_call";
      readonly id: string;
      readonly tool: string;
      readonly summary: string;
    }
  | {
      readonly type: "tool_result";
      readonly id: string;
      readonly ok: boolean;
      readonly summary: string;
    }
  /** Of this attempt so far, all of it: the last one counts. */
  | { readonly type: "usage"; readonly usage: TokenUsage }
  | {
      readonly type: "retry";
      readonly attempt: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  /**
   * The CLI said its last word. If it does not exit now, the runner ends it. It may be followed by
   * more, and by another last word, when the agent had helpers in the background.
   */
  | { readonly type: "final" }
  /**
   * A line that could not be read. `line` counts from 1; the first 200 characters are kept. Of many
   * such lines the first hundred are reported, and at the end the number of the others.
   */
  | {
      readonly type: "unreadable";
      readonly line: number;
      readonly excerpt: string;
      readonly reason: string;
    };

export interface AgentFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  /** The provider asked to wait this long. */
  readonly retryAfterMs?: number;
}

/** What the whole output meant. `failure` absent means the agent says it succeeded. */
export interface AgentResult {
  readonly finalMessage?: string;
  /** JSON, as text, where the task has an `outputSchema`: what the CLI says keeps to it. */
  readonly output?: string;
  readonly sessionId?: string;
  readonly usage?: TokenUsage;
  /** Of this attempt alone. Absent when the CLI does not tell and no price is known: unknown, not 0. */
  readonly costUsd?: number;
  readonly turns?: number;
  readonly failure?: AgentFailure;
}

export type AgentExit =
  | { readonly exitCode: number }
  /** Ended from outside, by a limit of ours or a signal. */
  | { readonly signal: string };

/**
 * Reads an agent's output. Pure and synchronous; never throws on any bytes; memory is bounded
 * (a line over 8 MiB is dropped as `unreadable`, and read on from its end). The same bytes give the
 * same records however they are split.
 */
export interface OutputParser {
  /**
   * Requests so far that the provider refused and that the CLI makes again by itself. After one it may
   * be silent for as long as the provider told it to wait, which only the CLI knows. Absent where the
   * CLI tells its waits, or none of its own are long.
   */
  readonly refusals?: number;
  push(stream: "stdout" | "stderr", bytes: Uint8Array): readonly AgentRecord[];
  /** Once, after the last push. */
  end(exit: AgentExit): { readonly records: readonly AgentRecord[]; readonly result: AgentResult };
}

/** The adapter for one agent CLI. Pure: no IO, no clock, no environment. */
export interface AgentPlugin {
  readonly name: string;
  readonly defaultImage: string;
  readonly defaultModel?: string;
  /** Where the user's environment names the provider's address; absent where it takes none. */
  readonly baseUrlSource?: string;
  /** Its provider's address where the user names none, as an address of its own kind; see `providers` too. */
  readonly baseUrl?: string;
  /** The one interface that its CLI can use, where providers are of several kinds. */
  readonly asks?: Provider["speaks"];
  /** A longer prompt is a file that the agent is told to read; absent where any length will do. */
  readonly longestMessageBytes?: number;
  /** In order of preference when the mode is not given. */
  readonly credentials: readonly CredentialRule[];
  /** What it can use, of several, in order of preference; their keys are among `credentials`. */
  readonly providers?: readonly Provider[];
  readonly providerVariables?: ProviderVariables;
  /** Name of the provider that a model belongs to, where its name tells. */
  providerOf?(model: string): string | undefined;
  /** Variables of the user's environment that it gets as secrets: all of them, beside those. */
  readonly environment?: readonly string[];
  readonly capabilities: {
    readonly resume: boolean;
    readonly cost: boolean;
    readonly tokens: boolean;
    readonly maxTurns: boolean;
    readonly outputSchema: boolean;
  };
  /** Why this task cannot be honoured, naming plugin and field; empty when it can. */
  check(task: AgentTask): readonly string[];
  /** The first word of its argv is the program that the image must hold. Only for what was checked. */
  command(task: AgentTask): AgentCommand;
  /**
   * The files that hold a session, as paths below the agent's home, in which `*` stands for any part
   * of one name: with them in place, and the workspace where it was, another container goes on with it. None where the id is not one that
   * this CLI gives, or the CLI cannot resume. The id is the agent's word.
   */
  sessionFiles(sessionId: string): readonly string[];
  /** @param task whose output it is; a resumed session's totals are not this attempt's */
  parser(task?: Pick<AgentTask, "resumeSessionId" | "outputSchema">): OutputParser;
}
