import { commandSpec } from "./command-line/commands.ts";
import { type Invocation, parseCommandLine } from "./command-line/parse.rules.ts";
import type { Host } from "./host.ts";

const USAGE = 2;

/**
 * The `pitaya` program: understands the command line and hands over to one command, loading no more
 * than that. Never throws.
 *
 * @returns the exit code
 */
export async function pitaya(host: Host): Promise<number> {
  const parsed = parseCommandLine(host.argv);
  if (!parsed.ok) {
    await host.stderr.write(`pitaya: ${parsed.misuse.message}\n  ${parsed.misuse.hint}\n`);
    return USAGE;
  }
  const { invocation } = parsed;
  if (invocation.flags.has("version")) {
    const { VERSION } = await import("./version.ts");
    await host.stdout.write(`pitaya ${VERSION}\n`);
    return 0;
  }
  if (invocation.flags.has("help")) {
    const { commandHelp, generalHelp } = await import("./command-line/help.rules.ts");
    const general = invocation.command === "run" && !host.argv.includes("run");
    await host.stdout.write(general ? generalHelp() : commandHelp(invocation.command));
    return 0;
  }
  return runCommand(invocation, host);
}

/** From here on nothing is printed that holds a secret this process was given. */
async function runCommand(invocation: Invocation, host: Host): Promise<number> {
  const [
    { redactor },
    { secretsGiven },
    { redactedOutput },
    { settingsOf },
    { openSession },
    { reportError },
    { believed },
    { showsSecrets },
  ] = await Promise.all([
    import("@pitaya/redaction"),
    import("./secrets-given.rules.ts"),
    import("./redacted-output.ts"),
    import("./settings/settings-of.ts"),
    import("./session.ts"),
    import("./report-error.ts"),
    import("./settings/refuse-untrusted.rules.ts"),
    import("./settings/shown-secrets.rules.ts"),
  ]);
  const redacting = (values: readonly string[], customPatterns: readonly string[] = []) => {
    const redact = redactor({ values, customPatterns });
    const stderr = redactedOutput(host.stderr, redact);
    return { redact, host: { ...host, stdout: redactedOutput(host.stdout, redact), stderr } };
  };
  let redacted = redacting(secretsGiven(invocation, host.env));
  try {
    const configuration = await settingsOf(invocation, host);
    // Files hold secrets too.
    const { gathered, settings } = configuration;
    redacted = redacting(
      secretsGiven(invocation, gathered.variables.all, settings),
      believed("logging.redaction.custom_patterns", settings),
    );
    const shown = showsSecrets(invocation.flags.get("redact")?.at(-1), host.env);
    const stdout = shown ? host.stdout : redacted.host.stdout;
    const { command } = await commandSpec(invocation.command).load();
    return await command(
      await openSession(invocation, { ...redacted.host, stdout }, redacted.redact, configuration),
    );
  } catch (error) {
    return await reportError(error, redacted.host.stderr, invocation.flags.has("verbose"));
  }
}
