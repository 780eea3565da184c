import { createHash } from "node:crypto";
import { statfs } from "node:fs/promises";
import { hostname } from "node:os";
import { provision, writeAuth } from "@pitaya/bus";
import { PitayaError, type Role } from "@pitaya/protocol";
import type { StackUser, StackUsers } from "./services.port.ts";
import type { StackPaths } from "./stack-paths.ts";

/** Most that all streams together may take, and the part of the disk they may. */
const MAX_STORE_BYTES = 32 * 1024 ** 3;
const PART_OF_DISK = 1 / 4;
/** Streams have a least size each, so all together may take a little more than was divided. */
const SPARE_STORE_BYTES = 64 * 1024 ** 2;

export interface PreparedServer {
  readonly users: StackUsers;
  readonly admin: StackUser;
  readonly maxStoreBytes: number;
}

/**
 * Writes the server's configuration and, where they are missing, the key of each process. Keys stay
 * the same for the life of the state directory: commands that are connected come back with theirs.
 */
export async function prepareServer(paths: StackPaths): Promise<PreparedServer> {
  const maxStoreBytes = await storeBytes(paths.server.directory);
  const ids = {
    coordinator: "coordinator",
    runner: runnerId(paths),
    cli: "cli",
    admin: "admin",
  } as const satisfies Record<Role, string>;
  const { credentials } = await writeAuth(paths.server.directory, {
    listen: "127.0.0.1:-1",
    storeDir: paths.server.store,
    maxStoreBytes: maxStoreBytes + SPARE_STORE_BYTES,
    syncAlways: true,
    users: (Object.keys(ids) as Role[]).map((role) => ({ role, id: ids[role] })),
  });
  const user = (wanted: Role): StackUser => {
    const found = credentials.find(({ role }) => role === wanted);
    if (!found) throw new PitayaError("internal", `no credential was written for ${wanted}`);
    return { id: found.id, seed: found.seed };
  };
  return {
    users: { coordinator: user("coordinator"), runner: user("runner"), cli: user("cli") },
    admin: user("admin"),
    maxStoreBytes,
  };
}

/** @throws what `provision` does */
export async function prepareStreams(url: string, server: PreparedServer): Promise<void> {
  const { admin, maxStoreBytes } = server;
  await provision({ servers: url, name: "supervisor", user: admin, maxStoreBytes });
}

/** By the size of the disk and not by what is free now, so that it stays the same. */
async function storeBytes(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory);
  return Math.min(MAX_STORE_BYTES, Math.floor(blocks * bsize * PART_OF_DISK));
}

/**
 * Containers carry the id of their runner. It is the same whenever this stack starts, so that they are
 * found again, and no other stack's that uses the same engine, which would take them for its own.
 */
function runnerId(paths: StackPaths): string {
  const owner = [hostname(), process.getuid?.() ?? 0, paths.directory].join("\0");
  return `local-${createHash("sha256").update(owner).digest("hex").slice(0, 8)}`;
}
