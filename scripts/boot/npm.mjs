import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What a nested npm needs to reach the same registry in the same way. The rest belongs to the outer one. */
const kept = new Set(
  ["registry", "cafile", "ca", "proxy", "https_proxy", "noproxy", "cache", "userconfig"].concat(
    "globalconfig",
  ),
);

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function nestedNpmEnv(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => {
      const setting = /^npm_config_(.*)$/i.exec(name)?.[1];
      if (setting !== undefined) return kept.has(setting.toLowerCase());
      return !/^npm_/i.test(name);
    }),
  );
}

/** npm's own would have a person without network wait for more than a minute. */
const patience = ["--fetch-retries=3", "--fetch-retry-factor=3", "--fetch-retry-mintimeout=1000"];

/**
 * Downloads one package as npm would, digest checked, and unpacks `members` of it (all without)
 * into `dir`. No install: no script runs, and a package for another platform is no error.
 *
 * @param {string} spec name@version
 * @param {string} dir empty directory
 * @param {readonly string[]} [members] paths inside the package
 */
export async function unpackFromNpm(spec, dir, members = []) {
  const args = ["pack", "--json", "--loglevel=error", "--no-update-notifier", ...patience, spec];
  const { stdout } = await runNpm(args, dir);
  const name = /** @type {{filename: string}[]} */ (JSON.parse(stdout))[0]?.filename;
  if (!name) throw new Error(`npm pack ${spec} named no file`);
  // Early npm 9 prints the scoped name; the file has the slash replaced.
  const file = basename(name.replace(/^@/, "").replace("/", "-"));
  const paths = members.map((member) => `package/${member}`);
  await run("tar", ["-xzf", file, "--strip-components=1", ...paths], { cwd: dir });
  return join(dir, file);
}

/**
 * @param {readonly string[]} args
 * @param {string} cwd
 */
async function runNpm(args, cwd) {
  const options = { cwd, env: nestedNpmEnv(process.env), maxBuffer: 16 * 1024 * 1024 };
  const cli = process.env.npm_execpath;
  const byNode = cli !== undefined && basename(cli) === "npm-cli.js";
  try {
    return byNode
      ? await run(process.env.npm_node_execpath || process.execPath, [cli, ...args], options)
      : await run("npm", args, options);
  } catch (error) {
    const { stderr, message } = /** @type {Error & {stderr?: string}} */ (error);
    throw new Error(
      `npm ${args.join(" ")} failed:\n${stderr?.trim() || message}\n` +
        "  What to do: see that `npm ping` works here, and run the command again.",
    );
  }
}
