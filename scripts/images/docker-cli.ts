import type { Engine } from "../engine/find-engine.ts";
import { findPrograms } from "../setup/find-program.ts";
import { runCommand } from "../setup/run-command.ts";
import { SetUpError } from "../setup/set-up-error.ts";

/** The docker command and the environment that points it at an engine. */
export interface DockerCli {
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The first docker command that can build here. A recent one needs its buildx plugin, which some
 * machines lack; Debian's own, in /usr/bin, has the builder in it and is asked first.
 */
export async function findDockerCli(engine: Engine): Promise<DockerCli> {
  const tried: string[] = [];
  for (const program of new Set(["/usr/bin/docker", ...findPrograms("docker")])) {
    const env = { ...process.env, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: "1" };
    try {
      if (await canBuild(program, env)) return { program, env };
      tried.push(`${program} has no buildx plugin`);
    } catch (error) {
      tried.push(`${program}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new SetUpError(
    `no docker command here can build images (${tried.join("; ")})`,
    "install Docker's command line with its buildx plugin (docker-buildx-plugin, or docker-buildx).",
  );
}

async function canBuild(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const text = await runCommand(program, ["--version"], { env });
  const major = Number(/version (\d+)\./.exec(text)?.[1]);
  if (major < 23) return true;
  return await runCommand(program, ["buildx", "version"], { env }).then(
    () => true,
    () => false,
  );
}
