import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptMirror } from "./apt.ts";
import { runCommand } from "./run-command.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Takes the program out of a suite's package by an apt root of our own, below `dir`: nothing is
 * installed, the system's lists and sources stay as they are, and no root is needed.
 *
 * @returns false where this machine has no mirror to ask
 */
export async function natsServerFromDebian(
  suite: string,
  dir: string,
  file: string,
): Promise<boolean> {
  const mirror = await aptMirror(suite);
  if (!mirror) return false;
  for (const name of ["lists/partial", "cache/archives/partial", "download"]) {
    mkdirSync(join(dir, name), { recursive: true });
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
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await runCommand("apt-get", [...options, "update", "-q", "--error-on=any"]);
  const download = join(dir, "download");
  await runCommand("apt-get", [...options, "download", "-q", "nats-server"], { cwd: download });
  const [deb] = readdirSync(download).filter((name) => name.endsWith(".deb"));
  if (!deb) throw new Error(`apt-get download left no package of ${suite}`);
  await runCommand("dpkg-deb", ["--extract", join(download, deb), join(dir, "unpacked")]);
  copyFileSync(join(dir, "unpacked/usr/sbin/nats-server"), file);
  return true;
}
