import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { PitayaError, ProcessId, type Role } from "@pitaya/protocol";
import { z } from "zod";
import { decode, encode } from "../codec.ts";

/** Who a process is, and the key it proves that with. The seed is a secret. */
export interface Credential {
  readonly role: Role;
  readonly id: string;
  /** nkey seed, `SU…`. */
  readonly seed: string;
  /** nkey public key, `U…`: what the server's configuration holds. */
  readonly publicKey: string;
}

const CredentialFile = z.object({
  role: z.enum(["coordinator", "runner", "cli", "admin"]),
  id: ProcessId,
  seed: z.string().regex(/^SU[A-Z2-7]{56}$/, "expected an nkey user seed"),
  publicKey: z.string().regex(/^U[A-Z2-7]{55}$/, "expected an nkey user key"),
});

/** Makes a new key for a process of this role. */
export function generateUser(role: Role, id: string): Credential {
  const key = createUser();
  return {
    role,
    id: ProcessId.parse(id),
    seed: new TextDecoder().decode(key.getSeed()),
    publicKey: key.getPublicKey(),
  };
}

/** Readable by the owner alone, and never seen half-written. */
export async function writeCredential(file: string, credential: Credential): Promise<void> {
  await writePrivately(
    file,
    encode(CredentialFile, { ...credential, id: ProcessId.parse(credential.id) }),
  );
}

/** @throws `usage` when there is no such file, `malformed_message` when it is no credential */
export async function readCredential(file: string): Promise<Credential> {
  const content = await readFile(file).catch((cause: unknown) => {
    throw new PitayaError("usage", `The credential file ${file} cannot be read.`, {
      cause,
      hint: "Name the file that was written for this process.",
    });
  });
  return decode(CredentialFile, content, `The credential file ${file}`);
}

/** Creates or replaces a file of mode 0600 in a directory of mode 0700. */
export async function writePrivately(file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.new`;
  await writeFile(draft, content, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, file);
}
