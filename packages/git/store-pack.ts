import { randomUUID } from "node:crypto";
import { access, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { takeBundleApart } from "./bundle-file.ts";
import { packObjectIds } from "./pack-index.ts";
import { rejected } from "./rejection.ts";
import { isAnswer, runGit } from "./run-git.ts";
import { alternatesFile, type ObjectFormat, writeBareRepository } from "./scratch-repository.ts";

/** A bundle as a runner keeps it: a bare repository without refs that is never changed again. */
export interface StoredPack {
  readonly dir: string;
  /** The object directories of this pack and of all it builds on, this one first: what a repository over it lists as alternates. */
  readonly objectDirs: readonly string[];
}

/**
 * What histories of real projects hold from times when tools were careless. A plain clone accepts it,
 * so a base may have it; what tricks a checkout (`.git` in a tree, hostile `.gitmodules`) stays an error.
 */
const TOLERATED = [
  "badDate",
  "badDateOverflow",
  "badEmail",
  "badFilemode",
  "badName",
  "badTagName",
  "badTimezone",
  "missingEmail",
  "missingNameBeforeEmail",
  "missingSpaceBeforeDate",
  "missingSpaceBeforeEmail",
  "missingTaggerEntry",
  "multipleAuthors",
  "nulInCommit",
  "zeroPaddedDate",
  "zeroPaddedFilemode",
];

/**
 * Stores a bundle as an immutable pack in `dir`. With the packs of `parents` it must hold the whole
 * history of `tip`: every object is checked (fsck) and everything it names must be there.
 *
 * The directory appears at once and complete, or not at all; storing the same again changes nothing,
 * also from another process at the same moment. Objects of the parents are not copied.
 *
 * @param parents directories of stored packs, which stay where they are as long as this one
 * @throws {PitayaError} `bundle_rejected`
 */
export async function storePack(options: {
  readonly bundlePath: string;
  readonly dir: string;
  readonly tip: string;
  readonly objectFormat: ObjectFormat;
  readonly parents: readonly string[];
  readonly shallow: readonly string[];
  readonly maxBytes?: number;
  readonly maxMemoryBytes?: number;
  readonly signal?: AbortSignal;
}): Promise<StoredPack> {
  const { bundlePath, dir, tip, objectFormat, parents, shallow, signal } = options;
  const parentObjects = await closureOf(parents);
  const stored = { dir, objectDirs: [join(dir, "objects"), ...parentObjects] };
  if (await isThere(dir)) return stored;

  const making = join(dirname(dir), `.making-${randomUUID()}`);
  try {
    await mkdir(making, { recursive: true });
    await writeBareRepository(making, { objectFormat, alternates: parentObjects, shallow });
    const packPath = join(making, "objects", "pack", "incoming.pack");
    const header = await takeBundleApart(bundlePath, {
      packPath,
      maxBytes: options.maxBytes ?? Number.MAX_SAFE_INTEGER,
      ...(signal === undefined ? {} : { signal }),
    });
    if (header.objectFormat !== objectFormat) {
      throw rejected("object_format", `its objects are named by ${header.objectFormat}`);
    }
    if (header.refs.length !== 1 || header.refs[0]?.id !== tip) {
      throw rejected("tip", `it does not stand at ${tip}`);
    }
    await runGit(
      ["index-pack", `--strict=${TOLERATED.map((id) => `${id}=ignore`).join(",")}`, packPath],
      {
        cwd: making,
        gitDir: making,
        settings: ["pack.writeReverseIndex=false"],
        ...(options.maxMemoryBytes === undefined ? {} : { maxMemoryBytes: options.maxMemoryBytes }),
        ...(signal === undefined ? {} : { signal }),
      },
    ).catch((error: unknown) => {
      if (!isAnswer(error)) throw error;
      throw rejected("damaged", error.message, error);
    });
    const ids = await packObjectIds(packPath.replace(/\.pack$/, ".idx"), objectFormat);
    if (!ids.has(tip)) throw rejected("tip", `it does not hold ${tip}`);
    await nameByContent(packPath, objectFormat);
    await rename(making, dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return stored;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Parents and what they list, each once. Listed flat: git follows alternates five deep and no deeper. */
async function closureOf(parents: readonly string[]): Promise<string[]> {
  const all = new Set<string>();
  for (const parent of parents) {
    all.add(join(parent, "objects"));
    if (!(await isThere(alternatesFile(parent)))) continue;
    for (const line of (await readFile(alternatesFile(parent), "utf8")).split("\n")) {
      if (line !== "") all.add(line);
    }
  }
  return [...all];
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );

/** git finds only packs named `pack-*`; the checksum at a pack's end is the usual name. */
async function nameByContent(packPath: string, objectFormat: ObjectFormat): Promise<void> {
  const file = await open(packPath, "r");
  const checksum = Buffer.alloc(objectFormat === "sha1" ? 20 : 32);
  try {
    const { size } = await file.stat();
    await file.read(checksum, 0, checksum.length, size - checksum.length);
  } finally {
    await file.close();
  }
  const start = packPath.replace(/incoming\.pack$/, `pack-${checksum.toString("hex")}`);
  // The index last: a pack is in use from the moment git sees one.
  await rename(packPath, `${start}.pack`);
  await rename(packPath.replace(/\.pack$/, ".idx"), `${start}.idx`);
}
