import { existsSync } from "node:fs";
import { findPrograms } from "./find-program.ts";
import { withLock } from "./lock.ts";
import { runCommand } from "./run-command.ts";

/** Debian itself or a distribution made from it. */
export function hasApt(): boolean {
  return existsSync("/etc/debian_version") && findPrograms("apt-get").length > 0;
}

/** Whether set-up may install system packages here: it never asks for a password. */
export function mayInstall(): boolean {
  return hasApt() && process.getuid?.() === 0;
}

/**
 * Installs what is missing of these. Tries with the package lists as they are first: on a machine
 * that has them, fetching them again is most of the time.
 */
export async function aptInstall(packages: readonly string[]): Promise<void> {
  const install = () => aptGet(["install", "-y", "-q", "--no-install-recommends", ...packages]);
  // apt itself waits for another install, but not for another fetching of lists.
  await withLock(
    "/run/pitaya-apt.lock",
    () => undefined,
    async () => {
      try {
        await install();
      } catch {
        // Whether for want of lists or for a set-up that was cut off, the second try tells.
        await runCommand("dpkg", ["--configure", "-a"], { env: aptEnv() });
        await aptGet(["update", "-q"]);
        await install();
      }
    },
  );
}

async function aptGet(args: readonly string[]): Promise<void> {
  await runCommand("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], { env: aptEnv() });
}

function aptEnv(): NodeJS.ProcessEnv {
  return { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
}

/**
 * The mirror this machine has its own packages from: ours come from there as well.
 *
 * @param suite preferred, where several mirrors are configured
 */
export async function aptMirror(suite: string): Promise<string | undefined> {
  const lines = await runCommand("apt-get", [
    "indextargets",
    // Answers from the sources alone, also before their lists were ever fetched.
    "--no-release-info",
    "--format",
    "$(COMPONENT) $(RELEASE) $(REPO_URI)",
    "Created-By: Packages",
  ]);
  const main = lines
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([component]) => component === "main");
  const exact = main.find(([, release]) => release === suite);
  // A security or backports archive holds only a part of a suite.
  const plain = main.find(([, release]) => release !== undefined && !/[-/]/.test(release));
  return (exact ?? plain)?.[2];
}

/** This machine's own apt settings that a second apt needs to reach the same mirror. */
export async function aptAcquireOptions(): Promise<string[]> {
  const dump = await runCommand("apt-config", ["dump"]);
  return dump
    .split("\n")
    .filter((line) => /^Acquire::(https?::|Check-Valid-Until |Check-Date |Retries )/.test(line))
    .filter((line) => !line.endsWith('"";'));
}
