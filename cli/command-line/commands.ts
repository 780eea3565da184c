import type { Session } from "../session.ts";
import type { FlagName } from "./flags.ts";

/** Does what was asked. @returns the exit code @throws PitayaError */
export type CommandMain = (session: Session) => Promise<number>;

export interface Command {
  readonly summary: string;
  /** How it is called, after `pitaya`. */
  readonly usage: string;
  readonly examples: readonly string[];
  /** Names of the positionals; a trailing `?` marks one that may be left out. */
  readonly args: readonly string[];
  readonly flags: readonly FlagName[];
  /** Loads the code of this command and of no other. */
  readonly load: () => Promise<{ readonly command: CommandMain }>;
}

const EVERYWHERE = ["config", "state-dir", "nats", "verbose", "help", "version"] as const;
const IN_A_REPOSITORY = ["repo", "logs-dir", "results-dir"] as const;
const LIMITS = [
  ...(["max-parallel", "max-startup-parallel", "timeout", "cpu", "memory", "network"] as const),
] as const;
const SHOWING = ["no-tui", "output", "json", "yes"] as const;
const CREDENTIALS = ["mode", "oauth-token", "api-key", "base-url"] as const;

const OF_A_RUN = [
  ...(["strategy", "set", "runs", "model", "plugin", "docker-image", "cli-arg"] as const),
  ...(["cli-args", "base-branch", "include-branches", "require-clean-wt", "force-commit"] as const),
  ...(["allow-overwrite-protected-refs", "parallel", "randomize-queue"] as const),
  ...LIMITS,
  ...CREDENTIALS,
  ...IN_A_REPOSITORY,
  ...SHOWING,
] as const;

export const commands = {
  run: {
    summary: 'start a run; `pitaya "<prompt>"` alone does the same',
    usage: '"<prompt>" [options]',
    examples: [
      'pitaya "fix the failing test in src/parser"',
      'pitaya "add a --dry-run flag" --runs 3 --max-parallel 2',
      'pitaya "update the docs" --base-branch v2.1 --detach',
      "pitaya - < task.md",
    ],
    args: ["prompt?"],
    flags: [
      ...OF_A_RUN,
      ...(["dry-run", "detach", "list-runs", "show-run", "resume", "resume-fresh"] as const),
      ...EVERYWHERE,
    ],
    load: () => import("../commands/run.ts"),
  },
  attach: {
    summary: "show a live run again, and bring its branches in",
    usage: "attach <run> [options]",
    examples: ["pitaya attach @last"],
    args: ["run"],
    flags: [...CREDENTIALS, ...IN_A_REPOSITORY, ...SHOWING, ...EVERYWHERE],
    load: () => import("../commands/attach.ts"),
  },
  import: {
    summary: "bring a run's branches into the repository, also deleted ones",
    usage: "import <run> [--uncommitted]",
    examples: ["pitaya import @last", "pitaya import @last --uncommitted"],
    args: ["run"],
    flags: [
      "uncommitted",
      "allow-overwrite-protected-refs",
      "json",
      ...IN_A_REPOSITORY,
      ...EVERYWHERE,
    ],
    load: () => import("../commands/import.ts"),
  },
  events: {
    summary: "the log's own events, stored or live",
    usage: "events <run>|--all [-f] [--from <seq>] [--subject <pattern>]",
    examples: ["pitaya events @last", "pitaya events --all -f --subject '*.decision'"],
    args: ["run?"],
    flags: ["all", "follow", "from", "subject", "json", ...EVERYWHERE],
    load: () => import("../commands/events.ts"),
  },
  runs: {
    summary: "the runs that are known",
    usage: "runs [--json]",
    examples: ["pitaya runs"],
    args: [],
    flags: ["json", "list-runs", ...EVERYWHERE],
    load: () => import("../commands/runs.ts"),
  },
  show: {
    summary: "one run: its state, instances, branches and what to do next",
    usage: "show <run> [--rebuild] [--json]",
    examples: ["pitaya show @last", "pitaya show @last --rebuild"],
    args: ["run"],
    flags: ["rebuild", "json", "show-run", ...IN_A_REPOSITORY, ...EVERYWHERE],
    load: () => import("../commands/show.ts"),
  },
  resume: {
    summary: "go on with an interrupted run",
    usage: "resume <run> [--fresh] [--override-config …] [--resume-key-policy strict|suffix]",
    examples: [
      "pitaya resume @last",
      "pitaya resume @last --override-config --timeout 7200 --memory 8g",
    ],
    args: ["run"],
    flags: [
      ...(["fresh", "override-config", "resume-key-policy", "detach"] as const),
      ...(["resume", "resume-fresh"] as const),
      ...LIMITS,
      ...CREDENTIALS,
      ...IN_A_REPOSITORY,
      ...SHOWING,
      ...EVERYWHERE,
    ],
    load: () => import("../commands/resume.ts"),
  },
  up: {
    summary: "start the embedded stack",
    usage: "up",
    examples: ["pitaya up"],
    args: [],
    flags: ["json", ...EVERYWHERE],
    load: () => import("../commands/up.ts"),
  },
  down: {
    summary: "stop the embedded stack",
    usage: "down [--when-idle]",
    examples: ["pitaya down --when-idle"],
    args: [],
    flags: ["when-idle", "yes", "json", ...EVERYWHERE],
    load: () => import("../commands/down.ts"),
  },
  status: {
    summary: "what runs of the embedded stack, and where",
    usage: "status [--json]",
    examples: ["pitaya status"],
    args: [],
    flags: ["json", ...EVERYWHERE],
    load: () => import("../commands/status.ts"),
  },
  verify: {
    summary: "hold a run's log, and what it names, against the invariants",
    usage: "verify <run> [--json]",
    examples: ["pitaya verify @last"],
    args: ["run"],
    flags: ["json", "repo", ...EVERYWHERE],
    load: () => import("../commands/verify.ts"),
  },
  gc: {
    summary: "remove what has no owner, in the store and on every runner",
    usage: "gc [--verify] [--json]",
    examples: ["pitaya gc", "pitaya gc --verify"],
    args: [],
    flags: ["verify", "json", ...EVERYWHERE],
    load: () => import("../commands/gc.ts"),
  },
  config: {
    summary: "the settings a run would really use, each with its source",
    usage: "config print [options of a run] [--json]",
    examples: ["pitaya config print", "pitaya config print --strategy best-of-n -S n=3 --json"],
    args: ["print"],
    flags: [...OF_A_RUN, "redact", ...EVERYWHERE],
    load: () => import("../commands/config.ts"),
  },
  trust: {
    summary: "show what this repository's files would decide, and accept them",
    usage: "trust [--yes] [--json]",
    examples: ["pitaya trust"],
    args: [],
    flags: ["repo", "yes", "json", ...EVERYWHERE],
    load: () => import("../commands/trust.ts"),
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;
export const COMMAND_NAMES = Object.keys(commands) as readonly CommandName[];
export const isCommand = (word: string): word is CommandName => Object.hasOwn(commands, word);
export const commandSpec = (name: CommandName): Command => commands[name];

/** Commands that are to come: a word of these is never taken for a prompt. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  (
    "cancel retry shell logs diff pick why prune clean doctor runners drain undrain runner " +
    "image auth report completion"
  ).split(" "),
);
