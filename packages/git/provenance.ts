import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readObjects } from "./read-objects.ts";
import { type GitCall, gitLines, runGit } from "./run-git.ts";

export const NOTES_REF = "refs/notes/pitaya";

/** Whose notes these are, whatever identity the user has or has not. */
export const PITAYA_IDENTITY = { name: "Pitaya", email: "pitaya@pitaya.local" } as const;

/** Where commits came from. Written as `name: value` lines in this order. */
export type Provenance = Readonly<Record<string, string>>;

/** Commits that came from the same place. */
export interface Origin {
  readonly commits: readonly string[];
  readonly provenance: Provenance;
}

/** One block of a note. A value is one line, whatever is in it. */
export const noteBlock = (provenance: Provenance): string =>
  Object.entries(provenance)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these would make further lines
    .map(([name, value]) => `${name}: ${value.replace(/[\x00-\x1f\x7f]+/g, " ")}\n`)
    .join("");

/** The note with the block at its end; unchanged if it holds that block already. */
export function appendBlock(note: string, block: string): string {
  if (`\n\n${note}\n`.includes(`\n\n${block}\n`)) return note;
  return note === "" ? block : `${note.replace(/\n*$/, "\n\n")}${block}`;
}

/**
 * Writes, in the bench alone, the commit that `refs/notes/pitaya` shall move to: what it holds at
 * `before`, and where each commit came from appended to its note. The same input gives the same commit.
 *
 * @returns `before` if every commit has this note already
 */
export async function writeNotes(
  options: {
    /** No commit is in two of them. */
    readonly origins: readonly Origin[];
    readonly before: string | undefined;
    /** Milliseconds since 1970. */
    readonly at: number;
  },
  bench: GitCall,
): Promise<string | undefined> {
  const { origins, before } = options;
  const blocks = new Map(
    origins.flatMap(({ commits, provenance }) => {
      // One character a byte, as the notes that are there.
      const block = Buffer.from(noteBlock(provenance)).toString("latin1");
      return commits.map((commit) => [commit, block] as const);
    }),
  );
  const present =
    before === undefined ? new Map<string, string>() : await notesOf(blocks, before, bench);
  const changed: Buffer[] = [];
  for (const [commit, block] of blocks) {
    const note = present.get(commit) ?? "";
    const next = appendBlock(note, block);
    if (next === note) continue;
    const content = Buffer.from(next, "latin1");
    changed.push(
      Buffer.from(`N inline ${commit}\ndata ${content.length}\n`),
      content,
      Buffer.from("\n"),
    );
  }
  if (changed.length === 0) return before;
  const message = "Notes added by pitaya import\n";
  const head = [
    "feature done",
    `commit ${NOTES_REF}`,
    `committer ${PITAYA_IDENTITY.name} <${PITAYA_IDENTITY.email}> ${Math.floor(options.at / 1000)} +0000`,
    `data ${message.length}`,
    message,
    ...(before === undefined ? [] : [`from ${before}`]),
    "",
  ].join("\n");
  await runGit(["fast-import", "--quiet"], {
    ...bench,
    input: Buffer.concat([Buffer.from(head), ...changed, Buffer.from("done\n")]),
    settings: ["core.fsync=none"],
  });
  // A ref that was just written to a repository of ours is a file; no process needed.
  return (await readFile(join(bench.cwd, NOTES_REF), "utf8")).trim();
}

/** The notes that some of the wanted commits have, as Latin-1, so that bytes of other tools survive. */
async function notesOf(
  wanted: ReadonlyMap<string, unknown>,
  notes: string,
  bench: GitCall,
): Promise<Map<string, string>> {
  const blobs = new Map<string, string>();
  for (const line of await gitLines(["ls-tree", "-r", notes], bench)) {
    const [entry = "", path = ""] = line.split("\t");
    const commit = path.replaceAll("/", "");
    const [, type, blob] = entry.split(" ");
    if (type === "blob" && blob !== undefined && wanted.has(commit)) blobs.set(commit, blob);
  }
  const objects = await readObjects([...blobs.values()], bench);
  const contents = new Map(objects.map(({ id, content }) => [id, content.toString("latin1")]));
  return new Map([...blobs].map(([commit, blob]) => [commit, contents.get(blob) ?? ""]));
}
