/**
 * Keys of the earlier version that mean nothing now, with what to do in their place. A key that ends
 * in a dot stands for all below it.
 */
const FORMER: Readonly<Record<string, string>> = {
  output: "give --output, --json or --no-tui",
  state_dir: "give --state-dir, or set PITAYA_STATE_DIR",
  artifacts_dir: "results go to results_dir",
  debug: "give --verbose",
  "strategy_config.": "parameters stand under strategies.<name>",
  "runner.session_volume_scope": "each instance has a session of its own",
  "runner.review_workspace_mode": "the strategies' own parameters read_only_… say it",
  "runner.tmpfs_size_mb": "runner.disk_limit bounds what is written",
  "orchestration.state_dir": "give --state-dir, or set PITAYA_STATE_DIR",
  "orchestration.logs_dir": "it is logs_dir, on the first level",
  "orchestration.event_buffer_size": "the log keeps every event",
  "orchestration.resume_key_suffix": "give --resume-key-policy suffix to `pitaya resume`",
  "orchestration.container_retention_failed": "containers are removed when their attempt has ended",
  "orchestration.container_retention_success":
    "containers are removed when their attempt has ended",
  "logging.level": "`pitaya events` and --verbose show what happens",
  "logging.max_file_size": "logs are projections of the log, made anew by `pitaya show --rebuild`",
  "logging.retention_days": "logs stay until you remove them",
  "events.": "the store bounds itself; `pitaya gc` removes what has no owner",
  "results.": "results stay until you remove them",
  "tui.": "the live view has no settings",
};

/** Keys of the earlier version that held a secret, or an address for one: they are refused. */
const SECRETS: Readonly<Record<string, string>> = {
  oauth_token: "CLAUDE_CODE_OAUTH_TOKEN",
  api_key: "ANTHROPIC_API_KEY",
  anthropic_api_key: "ANTHROPIC_API_KEY",
  openai_api_key: "OPENAI_API_KEY",
  base_url: "ANTHROPIC_BASE_URL",
  anthropic_base_url: "ANTHROPIC_BASE_URL",
  openai_base_url: "OPENAI_BASE_URL",
};

/** What to do in place of a key that means nothing now; undefined for any other. */
export function successorOf(key: string): string | undefined {
  const [, found] =
    Object.entries(FORMER).find(([former]) =>
      former.endsWith(".") ? `${key}.`.startsWith(former) : key === former,
    ) ?? [];
  return found;
}

/** The variable to set in place of a key that no file may hold; undefined for any other. */
export function secretVariable(key: string): string | undefined {
  const name = key.replace(/^runner\./, "");
  return Object.hasOwn(SECRETS, name) ? SECRETS[name] : undefined;
}

/** For the reference page. */
export const FORMER_KEYS: readonly (readonly [string, string])[] = Object.entries(FORMER);
