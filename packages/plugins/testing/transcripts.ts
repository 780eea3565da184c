import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentExit, AgentRecord, AgentResult, AgentTask, OutputParser } from "../index.ts";

type ParserTask = Pick<AgentTask, "resumeSessionId" | "outputSchema">;

/** What an agent CLI once wrote, and how it ended: a folder below `testdata/<plugin>`. */
export interface Transcript {
  /** `plugin/folder`. */
  readonly name: string;
  readonly folder: string;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exit: AgentExit;
  /** What it had been asked, as far as that matters to who reads it. */
  readonly task: ParserTask;
}

const TESTDATA = join(import.meta.dirname, "..", "testdata");

/** All that were recorded of a plugin's CLI; none where it has no folder. */
export function transcriptsOf(plugin: string): readonly Transcript[] {
  const data = join(TESTDATA, plugin);
  if (!existsSync(data)) return [];
  return readdirSync(data, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => transcript(plugin, name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `end.json`: `{ exitCode }` or `{ signal }`, `resumed`, and `task` for what else was asked. */
export function transcript(plugin: string, name: string): Transcript {
  const folder = join(TESTDATA, plugin, name);
  const bytes = (file: string) => {
    const path = join(folder, file);
    return existsSync(path) ? Uint8Array.from(readFileSync(path)) : new Uint8Array();
  };
  const stdout = readdirSync(folder).find((file) => file.startsWith("stdout."));
  const { resumed, task, ...exit } = JSON.parse(
    readFileSync(join(folder, "end.json"), "utf8"),
  ) as AgentExit & { readonly resumed?: boolean; readonly task?: ParserTask };
  return {
    name: `${plugin}/${name}`,
    folder,
    stdout: stdout === undefined ? new Uint8Array() : bytes(stdout),
    stderr: bytes("stderr.txt"),
    exit,
    task: { ...(resumed && { resumeSessionId: "s" }), ...task },
  };
}

/** All that is read of an output. */
export interface Read {
  readonly records: readonly AgentRecord[];
  readonly result: AgentResult;
}

/** What a parser makes of a transcript, stderr first, in these pieces each. */
export function read(
  parserOf: (task: ParserTask) => OutputParser,
  { stdout, stderr, exit, task }: Omit<Transcript, "name" | "folder">,
  piecesOf: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes],
): Read {
  const parser = parserOf(task);
  const records = [
    ...piecesOf(stderr).flatMap((piece) => parser.push("stderr", piece)),
    ...piecesOf(stdout).flatMap((piece) => parser.push("stdout", piece)),
  ];
  const end = parser.end(exit);
  return { records: [...records, ...end.records], result: end.result };
}
