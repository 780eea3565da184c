import { PitayaError } from "@pitaya/protocol";

/**
 * The agent's secrets as the wrapper reads them from its standard input: a line "NAME BASE64" each,
 * and a last line ".", without which it does not start the agent. Any value an environment can hold
 * survives this.
 */
export function secretLines(secrets: Readonly<Record<string, string>>): string {
  const lines = Object.entries(secrets).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new PitayaError(
        "usage",
        `${JSON.stringify(name)} is no name for an environment variable.`,
      );
    }
    if (value.includes("\0")) {
      throw new PitayaError("usage", `The value of ${name} holds a NUL, which no environment can.`);
    }
    return `${name} ${Buffer.from(value).toString("base64")}\n`;
  });
  return `${lines.join("")}.\n`;
}
