import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { agentPackage, arrange } from "./packages.mjs";

/*
 * node fetch.mjs NAME DIR: fetches one program of agents from npm, and lays it out in DIR as it is to
 * lie below /usr/local. Its version is in the file VERSION. Used where the image is built with a
 * registry; set-up has its own way, with a cache.
 */
const [name = "", to = ""] = process.argv.slice(2);
const found = agentPackage(name, readFileSync("VERSION", "utf8").trim(), process.arch);
const work = mkdtempSync(join(tmpdir(), "fetch-"));
const certificates = resolve("extra-ca.crt");
// Node complains of an empty one.
const env = statSync(certificates).size > 0 ? { NODE_EXTRA_CA_CERTS: certificates } : {};
const run = (program, ...args) =>
  execFileSync(program, args, { cwd: work, env: { ...process.env, ...env }, stdio: "inherit" });
run("npm", "pack", "--loglevel=error", "--fetch-retries=1", found.spec);
const [tarball = ""] = readdirSync(work);
run("tar", "-xzf", tarball, "--no-same-owner");
arrange(found, join(work, "package"), to);
rmSync(work, { recursive: true });
