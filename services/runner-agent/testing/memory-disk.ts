import { posix } from "node:path";
import type { PackCache, RunnerDisk } from "../ports/disk.port.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import type { FakeFiles } from "./fake-executor.ts";

type Directory = Awaited<ReturnType<RunnerDisk["attempts"]["create"]>>;
type Journal = { readonly headers: Readonly<Record<string, string>>; readonly payload: Uint8Array };

interface Kept {
  readonly name: AttemptName;
  start?: string;
  record?: string;
  readonly journals: Journal[][];
  readonly files: Map<string, Uint8Array>;
}

/** A runner-agent's disk in memory. */
export interface MemoryDisk {
  /**
   * The disk as one incarnation has it.
   *
   * @param settle is waited for after each deed, when it is done and before that is known: where a
   *   process may die
   */
  mount(settle?: () => Promise<void>): RunnerDisk;
  /** What an executor on the same host sees of it. */
  readonly files: FakeFiles;
  /** Attempts that have a directory. */
  attempts(): readonly AttemptName[];
  /** As after the loss of the machine's disk. */
  wipe(): void;
}

const keyOf = ({ runId, instanceId, attempt }: AttemptName) => `${runId}.${instanceId}.${attempt}`;

/** {@link RunnerDisk} without files. Passes `disk.contract.ts`. */
export function memoryDisk(): MemoryDisk {
  const attempts = new Map<string, Kept>();
  const hostPacks = new Set<string>();
  let epoch = 0;
  let harvests = 0;

  const keptAt = (path: string): Kept | undefined =>
    attempts.get(posix.normalize(path).split("/")[2] ?? "");
  const fileAt = (path: string): Uint8Array => {
    const found = keptAt(path)?.files.get(path);
    if (found === undefined) throw missing(path);
    return found;
  };

  function directory(name: AttemptName, settle: () => Promise<void>): Directory {
    const key = keyOf(name);
    const kept: Kept = attempts.get(key) ?? { name, journals: [], files: new Map() };
    attempts.set(key, kept);
    return {
      async writeStart(command) {
        if (attempts.get(key) !== kept) throw missing(key);
        kept.start = JSON.stringify(command);
        await settle();
      },
      async writeRecord(record) {
        if (attempts.get(key) !== kept) throw missing(key);
        kept.record = JSON.stringify(record);
        await settle();
      },
      async gatewayToken() {
        await settle();
        return `token-${key}`;
      },
      async freshHarvestDir() {
        harvests += 1;
        const dir = `/attempts/${key}/harvest-${harvests}`;
        await settle();
        return dir;
      },
      async removeHarvestDir(dir) {
        for (const path of kept.files.keys())
          if (path.startsWith(`${dir}/`)) kept.files.delete(path);
        await settle();
      },
      async write(path, content) {
        const parts: Uint8Array[] = [];
        for await (const part of content) parts.push(part);
        if (kept.files.has(path)) throw new Error(`EEXIST: ${path}`);
        kept.files.set(path, Buffer.concat(parts));
        await settle();
      },
      async *read(path) {
        yield fileAt(path);
      },
      async removeFile(path) {
        kept.files.delete(path);
        await settle();
      },
      openJournal: () => journal(kept, settle),
      async remove() {
        if (attempts.get(key) === kept) attempts.delete(key);
        await settle();
      },
    };
  }

  function journal(kept: Kept, settle: () => Promise<void>): ReturnType<Directory["openJournal"]> {
    const own: Journal[] = [];
    return {
      async *read() {
        for (const entry of kept.journals.flat()) yield entry;
      },
      async append({ headers, payload }) {
        if (own.length === 0) kept.journals.push(own);
        own.push({ headers: { ...headers }, payload: Uint8Array.from(payload) });
        await settle();
      },
      close: async () => undefined,
    };
  }

  const mount = (settle: () => Promise<void> = async () => undefined): RunnerDisk => ({
    open: async () => undefined,
    attempts: {
      async create(name) {
        const made = directory(name, settle);
        await settle();
        return made;
      },
      scan: async () =>
        [...attempts.values()].map(({ name, start, record }) => ({
          name,
          ...(start !== undefined && { command: JSON.parse(start) }),
          ...(record !== undefined && { record: JSON.parse(record) }),
        })),
    },
    async openEpoch() {
      let seen = epoch;
      return {
        get seen() {
          return seen;
        },
        async note(next) {
          if (next <= seen) return;
          seen = next;
          epoch = Math.max(epoch, next);
          await settle();
        },
      };
    },
    async openPacks({ blobs, executor, onChange }): Promise<PackCache> {
      const each = async (
        bundles: Parameters<PackCache["onHost"]>[0]["bundles"],
        store: (index: number) => Promise<void>,
      ) => {
        for (const index of [...bundles.keys()].reverse()) await store(index);
      };
      return {
        onEngine: ({ bundles }) =>
          each(bundles, async (index) => {
            const bundle = bundles[index];
            if (bundle === undefined || (await executor.hasPack(bundle.blob.sha256))) return;
            for await (const _ of blobs.get(bundle.blob));
            const { sha256, bytes } = bundle.blob;
            const parents = bundles.slice(index + 1).map(({ blob }) => blob.sha256);
            const pack = { sha256, bytes, parents, shallow: bundle.shallow };
            await executor.storePack(pack, `/packs/${sha256}.bundle`);
          }),
        async onHost({ bundles }) {
          await each(bundles, async (index) => {
            const bundle = bundles[index];
            if (bundle === undefined || hostPacks.has(bundle.blob.sha256)) return;
            for await (const _ of blobs.get(bundle.blob));
            hostPacks.add(bundle.blob.sha256);
            await settle();
            onChange();
          });
          return bundles.map(({ blob }) => `/packs/${blob.sha256}/objects`);
        },
        held: () => [...hostPacks],
        strays: async () => [],
        idle: async () => undefined,
      };
    },
    async leftovers(keep) {
      const kept = new Set(keep.map(keyOf));
      const left = [...attempts.keys()].filter((key) => !kept.has(key));
      return left.map((key) => ({ kind: "directory", path: `attempts/${key}` }));
    },
    async removeLeftover(path) {
      attempts.delete(posix.basename(path));
      await settle();
    },
  });

  return {
    mount,
    files: {
      read: async (path) => fileAt(path),
      async write(path, bytes) {
        const kept = keptAt(path);
        if (kept === undefined) throw missing(path);
        kept.files.set(path, Uint8Array.from(bytes));
      },
    },
    attempts: () => [...attempts.values()].map(({ name }) => name),
    wipe() {
      attempts.clear();
      hostPacks.clear();
      epoch = 0;
    },
  };
}

const missing = (path: string) => Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
