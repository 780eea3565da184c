import { PitayaError } from "@pitaya/protocol";
import { gitText } from "./run-git.ts";

const OLDEST = { major: 2, minor: 30 };

let checked: Promise<void> | undefined;

/**
 * Makes sure that there is a git and that it is new enough. Asked once a process.
 *
 * @throws {PitayaError} `git_failed`
 */
export function requireGit(cwd: string): Promise<void> {
  checked ??= gitText(["version"], { cwd })
    .then(requireVersion)
    .catch((error: unknown) => {
      checked = undefined;
      throw error;
    });
  return checked;
}

/** @param answer what `git version` prints, such as `git version 2.39.5 (Apple Git-154)` */
export function requireVersion(answer: string): void {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(answer) ?? [];
  const isNewEnough =
    Number(major) > OLDEST.major ||
    (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor);
  if (!isNewEnough) {
    throw new PitayaError("git_failed", `${answer} is too old`, {
      hint: `install git ${OLDEST.major}.${OLDEST.minor} or newer`,
    });
  }
}
