import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptMirror } from "./apt.ts";
import { runCommand } from "./run-command.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Downloads one package of a suite by an apt root of our own, below `dir`, and unpacks it there:
 * nothing is installed, the system's lists and sources stay as they are, and no root is needed.
 *
 * @returns the directory its files are in; undefined where this machine has no mirror to ask
 */
export async function unpackDebianPackage(
  suite: string,
  name: string,
  dir: string,
): Promise<string | undefined> {
  const mirror = await aptMirror(suite);
  if (!mirror) return undefined;
  for (const made of ["lists/partial", "cache/archives/partial", "download"]) {
    mkdirSync(join(dir, made), { recursive: true });
  }
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  writeFileSync(join(dir, "sources.list"), `deb ${signedBy}${mirror} ${suite} main\n`);
  const options = Object.entries({
    "Dir::Etc::SourceList": join(dir, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(dir, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(dir, "cache"),
    "Acquire::Languages": "none",
    // The sandbox user may not write below a private directory.
    "APT::Sandbox::User": "",
  }).flatMap(([option, value]) => ["-o", `${option}=${value}`]);
  await runCommand("apt-get", [...options, "update", "-q", "--error-on=any"]);
  const download = join(dir, "download");
  await runCommand("apt-get", [...options, "download", "-q", name], { cwd: download });
  const [deb] = readdirSync(download).filter((file) => file.endsWith(".deb"));
  if (!deb) throw new Error(`apt-get download left no package ${name} of ${suite}`);
  await runCommand("dpkg-deb", ["--extract", join(download, deb), join(dir, "unpacked")]);
  return join(dir, "unpacked");
}
