import { resolve } from "node:path";
import type { Redactor } from "@pitaya/redaction";
import type { FlagName } from "./command-line/flags.ts";
import type { Invocation } from "./command-line/parse.rules.ts";
import type { Connection } from "./connect/connection.port.ts";
import { type Console, consoleOn, quietConsole } from "./console.ts";
import type { Host } from "./host.ts";
import type { Resolved } from "./settings/resolve.rules.ts";
import { settingsOf } from "./settings/settings-of.ts";

/** One invocation of a command, with what every command needs. */
export interface Session {
  readonly host: Host;
  readonly args: readonly string[];
  readonly settings: Resolved;
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

/** @throws {PitayaError} `usage` for a setting with a wrong value */
export function openSession(invocation: Invocation, host: Host, redactor: Redactor): Session {
  const { flags, args } = invocation;
  const settings = settingsOf(invocation, host);
  const quiet = settings.values.output === "quiet";
  const console = quiet ? quietConsole(consoleOn(host)) : consoleOn(host);
  const value = (flag: FlagName) => flags.get(flag)?.at(-1);
  return {
    host,
    args,
    settings,
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
        natsCreds: settings.values["nats.creds"],
        stateDirectory: value("state-dir"),
        nonce: host.random(4),
        onProgress: (text) => void console.note(text),
        onNotice: (text) => void console.warn(text),
      }),
  };
}
