import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import type { Session } from "../session.ts";

const MOST_BYTES = 1_000_000;

/**
 * The certificates of `runner.extra_ca`, which travel with the run: PEM. A relative path begins at
 * the root of the repository.
 *
 * @throws {PitayaError} `usage` for a file that cannot be read or holds no certificate
 */
export async function extraCa(session: Session, root: string): Promise<string | undefined> {
  const path = session.settings.values["runner.extra_ca"];
  if (path === undefined) return undefined;
  const own = resolve(
    root,
    path.replace(/^~(?=\/|$)/, () => session.host.home),
  );
  const refuse = (why: string, cause?: unknown) =>
    new PitayaError("usage", `runner.extra_ca: ${own} ${why}`, { cause });
  const text = await readFile(own, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw refuse(`cannot be read: ${error.code}`, error);
  });
  // Only these leave: a private key that stands beside them stays here.
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw refuse("holds no certificate in PEM form");
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem);
    } catch (cause) {
      throw refuse(`holds a certificate that cannot be read, number ${index + 1}`, cause);
    }
  }
  const certificates = `${found.join("\n")}\n`;
  if (certificates.length > MOST_BYTES) throw refuse("is over 1 MB");
  return certificates;
}
