import { openRepository } from "@pitaya/git";
import { openPitayaDirectory, type PitayaDirectory } from "./files/pitaya-directory.ts";
import type { ImportTarget } from "./import/import-instance.ts";
import type { Session } from "./session.ts";

/** The repository a command is about: branches come in there, and local files are kept there. */
export interface LocalPlace extends ImportTarget {
  readonly directory: PitayaDirectory;
}

/**
 * @param scratchDir an existing private directory for temporary files
 * @throws {PitayaError} `not_a_repository`, `repository_unsupported`
 */
export async function openPlace(session: Session, scratchDir: string): Promise<LocalPlace> {
  const repo = await openRepository(session.directory);
  const directory = await openPitayaDirectory(repo, session.settings.values);
  return { repo, directory, scratchDir };
}
