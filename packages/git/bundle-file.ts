import { createHash } from "node:crypto";
import { constants, createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type BundleHeader, MAX_HEADER_BYTES, parseBundleHeader } from "./bundle-header.ts";
import { rejected } from "./rejection.ts";

const CHUNK_BYTES = 1024 * 1024;

/** A bundle as it lies on a disk. */
export interface BundleFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Reads a bundle's header and writes its pack to a file of its own, so that what was looked at is
 * what is used, whatever becomes of the bundle meanwhile.
 *
 * @throws {PitayaError} `bundle_rejected`: not a regular file, too large, or no bundle
 */
export async function takeBundleApart(
  bundlePath: string,
  options: { readonly packPath: string; readonly maxBytes: number; readonly signal?: AbortSignal },
): Promise<BundleHeader> {
  const file = await open(
    bundlePath,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ELOOP") throw rejected("not_a_bundle", "it is a symbolic link", error);
    throw error;
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw rejected("not_a_bundle", "it is not a regular file");
    if (stat.size > options.maxBytes) {
      throw rejected("too_large", `it has ${stat.size} bytes, allowed are ${options.maxBytes}`);
    }
    const start = Buffer.alloc(Math.min(MAX_HEADER_BYTES, stat.size));
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const header = parseBundleHeader(start.subarray(0, bytesRead));
    await pipeline(
      file.createReadStream({
        start: header.packOffset,
        end: Math.max(header.packOffset, options.maxBytes),
        autoClose: false,
        highWaterMark: CHUNK_BYTES,
      }),
      createWriteStream(options.packPath, { flags: "wx" }),
      options.signal === undefined ? {} : { signal: options.signal },
    );
    return header;
  } finally {
    await file.close();
  }
}

/** Writes header and pack as one bundle to `path`, which must not exist. */
export async function putBundleTogether(
  header: string,
  packPath: string,
  path: string,
  signal?: AbortSignal,
): Promise<BundleFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  const watch = (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  };
  const target = createWriteStream(path, { flags: "wx" });
  const start = Buffer.from(header);
  watch(start);
  target.write(start);
  await pipeline(
    createReadStream(packPath, { highWaterMark: CHUNK_BYTES }),
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        watch(chunk);
        done(null, chunk);
      },
    }),
    target,
    signal === undefined ? {} : { signal },
  );
  return { path, sha256: hash.digest("hex"), bytes };
}
