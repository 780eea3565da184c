import { chmod, chown, copyFile, mkdir, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAuthorization } from "@pitaya/bus";
import type { Role } from "@pitaya/protocol";

/** Who takes part in the stack of docker-compose.yml, and the directory each gets his file in. */
const membersWith = (runner: string) =>
  [
    { role: "coordinator", id: "coordinator", room: "coordinator" },
    { role: "admin", id: "admin", room: "coordinator" },
    { role: "runner", id: runner, room: "runner" },
    { role: "cli", id: "cli", room: "cli" },
  ] as const satisfies readonly {
    readonly role: Role;
    readonly id: string;
    readonly room: string;
  }[];

/**
 * A runner knows what is its own on an engine by its id, so two stacks on one engine have runners of
 * different names. The one that was given is kept.
 */
async function runnerId(all: string, random: string): Promise<string> {
  const present = await readdir(all).catch(() => []);
  const [kept] = present.flatMap((file) => /^runner-(.+)\.json$/.exec(file)?.[1] ?? []);
  return kept ?? `compose-${random}`;
}

/**
 * Makes what the parts of a compose stack prove themselves with, once, and gives each part its own:
 * below `directory`, `all/` keeps everything, `server/` gets the accounts and users,
 * `coordinator/`, `runner/` and `cli/` get `<role>.json`. Called again it changes nothing but what
 * is missing. Each is a volume of its own, so that no part can read another's.
 *
 * @param random 8 hex digits
 */
export async function writeComposeCredentials(directory: string, random: string): Promise<void> {
  const members = membersWith(await runnerId(join(directory, "all"), random));
  const { configFile, credentials } = await writeAuthorization(join(directory, "all"), members);
  await handOut(configFile, join(directory, "server"), "authorization.conf");
  for (const { role, room } of members) {
    const own = credentials.find((credential) => credential.role === role);
    if (own) await handOut(own.file, join(directory, room), `${role}.json`);
  }
}

/** To whoever owns the directory: a container writes as root into a directory of the user's. */
async function handOut(file: string, room: string, name: string): Promise<void> {
  await mkdir(room, { recursive: true });
  const draft = join(room, `${name}.new`);
  await copyFile(file, draft);
  await chmod(draft, 0o600);
  const { uid, gid } = await stat(room);
  await chown(draft, uid, gid);
  await rename(draft, join(room, name));
}
