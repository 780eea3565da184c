import { commandSpec } from "./command-line/commands.ts";
import { parseCommandLine } from "./command-line/parse.rules.ts";
import { type Host, processHost } from "./host.ts";

const USAGE = 2;

/**
 * The `pitaya` program: understands the command line and hands over to one command, loading no more
 * than that. Never throws.
 *
 * @returns the exit code
 */
export async function main(host: Host): Promise<number> {
  const parsed = parseCommandLine(host.argv);
  if (!parsed.ok) {
    await host.stderr.write(`pitaya: ${parsed.misuse.message}\n${parsed.misuse.hint}\n`);
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
  try {
    const { command } = await commandSpec(invocation.command).load();
    return await command(invocation, host);
  } catch (error) {
    const { reportError } = await import("./report-error.ts");
    return await reportError(error, host, invocation.flags.has("verbose"));
  }
}

if (import.meta.main) {
  process.exitCode = await main(processHost());
}
