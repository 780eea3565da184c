import { resolve } from "node:path";
import type { Redactor } from "@pitaya/redaction";
import type { CommandName } from "./command-line/commands.ts";
import type { FlagName } from "./command-line/flags.ts";
import type { Invocation } from "./command-line/parse.rules.ts";
import type { Connection } from "./connect/connection.port.ts";
import { type Console, consoleOn, quietConsole } from "./console.ts";
import type { Host } from "./host.ts";
import { isDoubtful } from "./settings/layers.ts";
import { refuseSecretsIn } from "./settings/refuse-secrets.rules.ts";
import type { Resolved } from "./settings/resolve.rules.ts";
import type { Configuration } from "./settings/settings-of.ts";
import type { Variables } from "./settings/variables.rules.ts";

/** One invocation of a command, with what every command needs. */
export interface Session {
  readonly host: Host;
  readonly args: readonly string[];
  readonly settings: Resolved;
  /** Of the user's environment and the repository's `.env`: credentials and their addresses. */
  readonly variables: Variables;
  /** All that was told, for commands about that. */
  readonly configuration: Configuration;
  readonly console: Console;
  /** Takes secrets out of what goes into files; what is printed is redacted already. */
  readonly redactor: Redactor;
  has(flag: FlagName): boolean;
  /** The last value given. */
  value(flag: FlagName): string | undefined;
  values(flag: FlagName): readonly string[];
  /** The directory of the repository the command is about. */
  readonly directory: string;
  connect(): Promise<Connection>;
}

/** Commands that tell what a file would decide, and so must not be stopped by it. */
const ABOUT_SETTINGS: readonly CommandName[] = ["trust", "config"];

/** @throws {PitayaError} `usage` for a secret where none may stand; `untrusted` for what a file of the repository may not decide */
export async function openSession(
  invocation: Invocation,
  host: Host,
  redactor: Redactor,
  configuration: Configuration,
): Promise<Session> {
  const { flags, args } = invocation;
  const { settings, gathered } = configuration;
  const quiet = settings.values.output === "quiet";
  const console = quiet ? quietConsole(consoleOn(host)) : consoleOn(host);
  refuseSecretsIn(gathered.layers, redactor);
  for (const warning of gathered.warnings) await console.warn(warning);
  const doubtful = gathered.repositoryFiles.some(
    ({ layer }) => layer.file && isDoubtful(layer.file),
  );
  if (doubtful && !ABOUT_SETTINGS.includes(invocation.command)) {
    const { refuseUntrusted, usedBy } = await import("./settings/refuse-untrusted.rules.ts");
    refuseUntrusted(usedBy(invocation.command, settings), gathered.own);
  }
  const value = (flag: FlagName) => flags.get(flag)?.at(-1);
  return {
    host,
    args,
    settings,
    configuration,
    variables: gathered.variables,
    console,
    redactor,
    has: (flag) => flags.has(flag),
    value,
    values: (flag) => flags.get(flag) ?? [],
    directory: resolve(host.cwd, value("repo") ?? "."),
    connect: () =>
      host.connect({
        env: host.env,
        natsUrl: settings.values["nats.url"],
        natsCreds: settings.values["nats.creds"]?.replace(/^~(?=\/|$)/, () => host.home),
        stateDirectory: value("state-dir"),
        nonce: host.random(4),
        onProgress: (text) => void console.note(text),
        onNotice: (text) => void console.warn(text),
      }),
  };
}
