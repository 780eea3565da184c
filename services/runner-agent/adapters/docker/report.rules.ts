/** What the wrapper says of an attempt. It runs as the agent's user: all of this is the agent's word. */
export interface Report {
  /** As a shell has it: above 128 the signal's number is added. */
  readonly agentCode?: number;
  /** Bytes written to each stream in all. */
  readonly written?: { readonly stdout: number; readonly stderr: number };
  readonly head?: string;
  readonly forcedCommit: boolean;
  readonly hasBundle: boolean;
  readonly hasPatch: boolean;
  readonly trouble: readonly string[];
}

const NUMBER = /^\d{1,15}$/;

/** Undefined for a text that is not a whole report. Lines it does not know are passed over. */
export function parseReport(text: string): Report | undefined {
  const lines = text.split("\n");
  if (lines[0] !== "pitaya-report 1" || !lines.includes("end")) return undefined;
  const said = new Map<string, string>();
  const trouble: string[] = [];
  for (const line of lines.slice(1)) {
    const space = line.indexOf(" ");
    const key = space === -1 ? line : line.slice(0, space);
    const value = space === -1 ? "" : line.slice(space + 1);
    if (key === "trouble") trouble.push(value.slice(0, 500));
    else if (!said.has(key)) said.set(key, value);
  }
  const number = (key: string) => {
    const value = said.get(key) ?? "";
    return NUMBER.test(value) ? Number(value) : undefined;
  };
  const agentCode = number("agent");
  const stdout = number("stdout");
  const stderr = number("stderr");
  const head = said.get("head");
  return {
    ...(agentCode !== undefined && { agentCode }),
    ...(stdout !== undefined && stderr !== undefined && { written: { stdout, stderr } }),
    ...(head !== undefined && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(head) && { head }),
    forcedCommit: said.has("forced"),
    hasBundle: said.has("bundle"),
    hasPatch: said.has("patch"),
    trouble: trouble.slice(0, 20),
  };
}
