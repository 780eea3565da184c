import { access } from "node:fs/promises";
import { join } from "node:path";
import { isPitayaError, type Role } from "@pitaya/protocol";
import {
  type Credential,
  generateUser,
  readCredential,
  writeCredential,
  writePrivately,
} from "./credential.ts";
import { authorizationConfig, type ServerConfigOptions, serverConfig } from "./server-config.ts";

interface NamedUser {
  readonly role: Role;
  readonly id: string;
}

export interface WriteAuthOptions extends Omit<ServerConfigOptions, "users"> {
  readonly users: readonly NamedUser[];
}

export interface WrittenAuth {
  /** To be given to nats-server with `-c`, or to be included in what is. */
  readonly configFile: string;
  readonly credentials: readonly (Credential & { readonly file: string })[];
}

/**
 * Writes `<dir>/nats-server.conf` and one `<dir>/<role>-<id>.json` for each user, all of mode 0600.
 * Users that have a credential there keep it.
 */
export async function writeAuth(dir: string, options: WriteAuthOptions): Promise<WrittenAuth> {
  const credentials = await writeCredentials(dir, options.users);
  const configFile = join(dir, "nats-server.conf");
  await writePrivately(configFile, serverConfig({ ...options, users: credentials }));
  return { configFile, credentials };
}

/**
 * The same for a server whose configuration is written by hand and includes
 * `<dir>/authorization.conf`, which holds the accounts and users alone.
 */
export async function writeAuthorization(
  dir: string,
  users: readonly NamedUser[],
): Promise<WrittenAuth> {
  const credentials = await writeCredentials(dir, users);
  const configFile = join(dir, "authorization.conf");
  await writePrivately(configFile, authorizationConfig(credentials));
  return { configFile, credentials };
}

const writeCredentials = (dir: string, users: readonly NamedUser[]) =>
  Promise.all(
    users.map(async ({ role, id }) => {
      const file = join(dir, `${role}-${id}.json`);
      return { ...(await keptOrNew(file, role, id)), file };
    }),
  );

async function keptOrNew(file: string, role: Role, id: string): Promise<Credential> {
  const present = await access(file).then(
    () => true,
    () => false,
  );
  if (present) {
    try {
      return await readCredential(file);
    } catch (error) {
      // A file that holds no credential is nobody's: a new one takes its place.
      if (!isPitayaError(error, "malformed_message")) throw error;
    }
  }
  const made = generateUser(role, id);
  await writeCredential(file, made);
  return made;
}
