import type { SettingKey } from "../settings/keys.ts";

export const FLAG_GROUPS = [
  "Strategy",
  "Model and plugin",
  "Repository",
  "Display",
  "Credentials",
  "Limits",
  "Resume",
  "Files",
  "Other",
] as const;

export interface Flag {
  readonly group: (typeof FLAG_GROUPS)[number];
  readonly short?: string;
  /** What stands for the value in help; without it the flag takes none. */
  readonly value?: string;
  /** Each use adds a value; otherwise the last one holds. */
  readonly repeatable?: true;
  readonly help: string;
  /** The setting it gives a value to; defaults live there. */
  readonly setting?: SettingKey;
}

/**
 * Every flag of every command. A name means the same wherever it is taken, so it can stand before
 * or after the command. Nothing here is loaded from elsewhere: `--help` must be instant.
 */
export const flags = {
  strategy: { group: "Strategy", value: "name", setting: "strategy", help: "strategy to run" },
  set: {
    group: "Strategy",
    short: "S",
    value: "key=value",
    repeatable: true,
    help: "parameter of the strategy: JSON, or else text",
  },
  runs: { group: "Strategy", value: "N", setting: "runs", help: "run the strategy N times" },

  model: { group: "Model and plugin", value: "name", setting: "model", help: "model of the agent" },
  plugin: {
    group: "Model and plugin",
    value: "name",
    setting: "plugin_name",
    help: "which agent CLI does the work",
  },
  "docker-image": {
    group: "Model and plugin",
    value: "image",
    setting: "runner.docker_image",
    help: "image the agent runs in",
  },
  "cli-arg": {
    group: "Model and plugin",
    value: "token",
    repeatable: true,
    help: "one token for the agent CLI's own command line",
  },
  "cli-args": {
    group: "Model and plugin",
    value: "'words'",
    help: "several, quoted as in a POSIX shell; after every --cli-arg",
  },

  repo: {
    group: "Repository",
    value: "path",
    help: "repository to work on (default: the one you are in)",
  },
  "base-branch": {
    group: "Repository",
    value: "ref",
    help: "branch, tag or commit to start from (default: what is checked out)",
  },

  "include-branches": {
    group: "Repository",
    value: "names",
    setting: "runner.include_branches",
    help: "branches that agents see beside the base: a,b or a JSON list",
  },
  "require-clean-wt": {
    group: "Repository",
    help: "refuse to run while there are changes that are not committed",
  },
  "allow-overwrite-protected-refs": {
    group: "Repository",
    setting: "orchestration.allow_overwrite_protected_refs",
    help: "let an import overwrite branches that are protected",
  },

  "no-tui": { group: "Display", help: "plain lines instead of a view that is redrawn" },
  output: {
    group: "Display",
    value: "streaming|json|quiet",
    setting: "output",
    help: "form of the output; implies --no-tui",
  },
  redact: {
    group: "Display",
    value: "true|false",
    help: "false shows credentials too; needs PITAYA_ALLOW_UNREDACTED=1",
  },
  json: {
    group: "Display",
    help: "the same as --output json; for other commands, their JSON form",
  },
  verbose: {
    group: "Display",
    setting: "logging.console_verbose",
    help: "also the agents' steps",
  },

  mode: {
    group: "Credentials",
    value: "subscription|api",
    help: "which kind of credential to use when both are there",
  },
  "oauth-token": { group: "Credentials", value: "token", help: "subscription token" },
  "api-key": { group: "Credentials", value: "key", help: "API key" },
  "base-url": { group: "Credentials", value: "url", help: "address of the provider" },

  "max-parallel": {
    group: "Limits",
    value: "N|auto",
    setting: "orchestration.max_parallel_instances",
    help: "instances that may run at once",
  },
  "max-startup-parallel": {
    group: "Limits",
    value: "N|auto",
    setting: "orchestration.max_parallel_startup",
    help: "of these, instances whose agents may be starting at once",
  },
  parallel: {
    group: "Limits",
    value: "conservative|balanced|aggressive",
    help: "1 CPU, 2g and half the slots; 2, 4g and all; or 3, 6g and twice",
  },
  timeout: {
    group: "Limits",
    value: "seconds",
    setting: "runner.timeout",
    help: "longest time for an agent",
  },
  cpu: {
    group: "Limits",
    value: "cores",
    setting: "runner.cpu_limit",
    help: "CPU cores of an instance; 0.5 is half a core",
  },
  memory: {
    group: "Limits",
    value: "size",
    setting: "runner.memory_limit",
    help: "memory of an instance: 512m, 4g, or bytes",
  },
  network: {
    group: "Limits",
    value: "online|offline|proxy",
    setting: "runner.network_egress",
    help: "what an instance reaches of the network",
  },
  "force-commit": {
    group: "Limits",
    setting: "runner.force_commit",
    help: "commit what the agent left uncommitted",
  },
  "randomize-queue": {
    group: "Limits",
    setting: "orchestration.randomize_queue_order",
    help: "start waiting instances in an order drawn by the run's id",
  },

  config: {
    group: "Files",
    value: "file",
    help: "settings of the project (default: pitaya.yaml of the repository)",
  },
  "state-dir": { group: "Files", value: "dir", help: "directory of the embedded stack" },
  "logs-dir": { group: "Files", value: "dir", setting: "logs_dir", help: "where event logs go" },
  "results-dir": {
    group: "Files",
    value: "dir",
    setting: "results_dir",
    help: "where results go",
  },
  nats: {
    group: "Files",
    value: "url",
    setting: "nats.url",
    help: "use this server instead of the embedded stack",
  },

  "override-config": {
    group: "Resume",
    help: "lay the limits and credentials given here over the run's own",
  },
  "resume-key-policy": {
    group: "Resume",
    value: "policy",
    help: "strict: a changed task is an error; suffix: it runs anew",
  },
  fresh: { group: "Resume", help: "unfinished instances start over" },
  "dry-run": {
    group: "Other",
    help: "check all, print what the run would be made of, start nothing",
  },
  detach: { group: "Other", help: "submit, print the run's id and leave it running" },
  uncommitted: { group: "Other", help: "also make branches of changes that were not committed" },
  rebuild: { group: "Other", help: "write the run's files anew from its log" },
  all: { group: "Other", help: "of every run" },
  follow: { group: "Other", short: "f", help: "go on with what comes" },
  from: { group: "Other", value: "seq", help: "begin at this sequence of the stream" },
  subject: {
    group: "Other",
    value: "pattern",
    help: "only subjects that match; * and > as in NATS",
  },
  verify: { group: "Other", help: "remove nothing; exit 1 if anything has no owner" },
  "when-idle": { group: "Other", help: "wait until no run is live" },
  yes: { group: "Other", help: "answer yes to every question" },
  "list-runs": { group: "Other", help: "the same as `pitaya runs`" },
  "show-run": { group: "Other", value: "run", help: "the same as `pitaya show <run>`" },
  resume: { group: "Other", value: "run", help: "the same as `pitaya resume <run>`" },
  "resume-fresh": {
    group: "Other",
    value: "run",
    help: "the same as `pitaya resume <run> --fresh`",
  },
  version: { group: "Other", help: "print the version" },
  help: { group: "Other", short: "h", help: "print this help, or that of a command" },
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof flags;
export const FLAG_NAMES = Object.keys(flags) as readonly FlagName[];
export const flagSpec = (name: FlagName): Flag => flags[name];
export const isFlag = (word: string): word is FlagName => Object.hasOwn(flags, word);
