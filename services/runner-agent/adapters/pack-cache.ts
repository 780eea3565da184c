import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { storePack } from "@pitaya/git";
import { type BlobRef, type BranchSource, type BundleRef, PitayaError } from "@pitaya/protocol";
import { objectFormatOf } from "../domain/object-format.rules.ts";
import type { PackCache, PackCacheOptions } from "../ports/disk.port.ts";

const SHA256 = /^[0-9a-f]{64}$/;

/** Where packs lie. */
export const PACKS = "packs";

/** @param stateDir the runner-agent's own directory */
export async function packCache(stateDir: string, options: PackCacheOptions): Promise<PackCache> {
  const { blobs, executor, signal } = options;
  const root = join(stateDir, PACKS);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const entries = await readdir(root);
  // What else lies there was being written when an earlier incarnation died. One that cannot be
  // removed, since that incarnation lives after all, is removed another time.
  const leftovers = entries.filter((entry) => !SHA256.test(entry));
  const remove = (entry: string) => rm(join(root, entry), { recursive: true, force: true });
  await Promise.allSettled(leftovers.map(remove));
  const hostHeld = new Set(entries.filter((entry) => SHA256.test(entry)));

  const engine = singleFlight();
  const host = singleFlight();
  const downloads = new Map<string, { users: number; readonly file: Promise<string> }>();

  const dirOf = (sha256: string) => join(root, sha256);

  /** The bundle as a file, for as long as someone uses it. */
  async function withBundle<T>(ref: BlobRef, use: (path: string) => Promise<T>): Promise<T> {
    const path = join(root, `${ref.sha256}.bundle`);
    const entry = downloads.get(ref.sha256) ?? { users: 0, file: download(ref, path) };
    downloads.set(ref.sha256, entry);
    entry.users += 1;
    try {
      return await use(await entry.file);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) {
        downloads.delete(ref.sha256);
        await rm(path, { force: true });
      }
    }
  }

  async function download(ref: BlobRef, path: string): Promise<string> {
    const incoming = `${path}.incoming`;
    try {
      // Its digest is checked at the end: only then does it get its name.
      await pipeline(blobs.get(ref), createWriteStream(incoming, { mode: 0o600 }), { signal });
      await rename(incoming, path);
      return path;
    } catch (error) {
      await rm(incoming, { force: true });
      throw error;
    }
  }

  async function toEngine(bundle: BundleRef, parents: readonly BundleRef[]): Promise<void> {
    const { sha256, bytes } = bundle.blob;
    if (await executor.hasPack(sha256)) return;
    const { shallow } = bundle;
    const pack = { sha256, bytes, parents: parents.map(({ blob }) => blob.sha256), shallow };
    await withBundle(bundle.blob, (path) => executor.storePack(pack, path));
  }

  async function toHost(bundle: BundleRef, parents: readonly BundleRef[]): Promise<void> {
    const { sha256 } = bundle.blob;
    if (hostHeld.has(sha256)) return;
    await withBundle(bundle.blob, (bundlePath) =>
      storePack({
        bundlePath,
        dir: dirOf(sha256),
        tip: bundle.tip,
        objectFormat: objectFormatOf(bundle.tip),
        parents: parents.map(({ blob }) => dirOf(blob.sha256)),
        shallow: bundle.shallow,
        signal,
      }),
    );
    hostHeld.add(sha256);
    options.onChange();
  }

  /** Each bundle after those it builds on. */
  async function eachFromTheBase(
    { bundles }: BranchSource,
    store: (bundle: BundleRef, parents: readonly BundleRef[]) => Promise<void>,
  ): Promise<void> {
    for (const [index, bundle] of [...bundles.entries()].reverse()) {
      if (signal.aborted) throw stopped();
      await store(bundle, bundles.slice(index + 1));
    }
  }

  return {
    onEngine: (base) =>
      eachFromTheBase(base, (bundle, parents) =>
        engine.once(bundle.blob.sha256, () => toEngine(bundle, parents)),
      ),
    async onHost(base) {
      await eachFromTheBase(base, (bundle, parents) =>
        host.once(bundle.blob.sha256, () => toHost(bundle, parents)),
      );
      return base.bundles.map(({ blob }) => join(dirOf(blob.sha256), "objects"));
    },
    held: () => [...hostHeld],
    async strays() {
      const isBusy = () => [...engine.underWay(), ...host.underWay()].length > 0;
      if (isBusy()) return [];
      const found = (await readdir(root)).filter((entry) => !SHA256.test(entry));
      return isBusy() ? [] : found;
    },
    idle: async () => void (await Promise.allSettled([...engine.underWay(), ...host.underWay()])),
  };
}

const stopped = () => new PitayaError("internal", "The runner-agent is stopping.");

/** Whoever asks while it is under way waits for the same deed. */
function singleFlight() {
  const flights = new Map<string, Promise<void>>();
  return {
    underWay: () => flights.values(),
    once(key: string, deed: () => Promise<void>): Promise<void> {
      const running = flights.get(key) ?? deed().finally(() => flights.delete(key));
      flights.set(key, running);
      return running;
    },
  };
}
