import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { moveInto } from "../boot/node.mjs";
import { makeWorkDir } from "../boot/work-dir.mjs";
import { natsServerAtLeast, natsServerSuites } from "../settings.mjs";
import { hasApt } from "./apt.ts";
import { unpackDebianPackage } from "./debian-package.ts";
import { findPrograms, isExecutable } from "./find-program.ts";
import type { Places } from "./places.ts";
import { runCommand } from "./run-command.ts";
import { SetUpError } from "./set-up-error.ts";
import type { Steps } from "./steps.ts";

const wanted = natsServerAtLeast.join(".");

/** Copies a nats-server out of an image into a file; undefined where no engine or registry can. */
export type NatsServerFromImage = (file: string) => Promise<boolean>;

/** A nats-server that is new enough and already on this machine. */
export async function findNatsServer(places: Places): Promise<string | undefined> {
  const named = process.env["PITAYA_NATS_SERVER"];
  if (named) {
    if (await isNewEnough(named)) return named;
    throw new SetUpError(
      `PITAYA_NATS_SERVER=${named} is no nats-server of version ${wanted} or newer`,
      "point it at one, or unset it and let set-up look for one.",
    );
  }
  for (const candidate of [cachedFile(places), ...findPrograms("nats-server")]) {
    if (await isNewEnough(candidate)) return candidate;
  }
  return undefined;
}

export async function findOrFetchNatsServer(
  places: Places,
  steps: Steps,
  fromImage: NatsServerFromImage,
): Promise<string> {
  const found = await findNatsServer(places);
  if (found) return found;
  const troubles: string[] = [];
  const ways: { title: string; fetch: (dir: string, file: string) => Promise<boolean> }[] = [
    ...(hasApt() ? natsServerSuites : []).map((suite) => ({
      title: `nats-server: fetching from Debian ${suite}`,
      fetch: (dir: string, file: string) => fromDebian(suite, dir, file),
    })),
    // An image's program is a Linux one.
    ...(process.platform === "linux"
      ? [
          {
            title: "nats-server: copying out of its official image",
            fetch: (_: string, file: string) => fromImage(file),
          },
        ]
      : []),
  ];
  for (const way of ways) {
    const work = makeWorkDir(places.cache);
    try {
      const fetched = join(work, "nats-server");
      const got = await steps.step(way.title, () => way.fetch(work, fetched));
      if (got && (await isNewEnough(fetched))) {
        const kept = cachedFile(places);
        mkdirSync(dirname(kept), { recursive: true });
        moveInto(fetched, kept);
        return kept;
      }
      troubles.push(`${way.title}: ${got ? `older than ${wanted}` : "not to be had"}`);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      // A tool's own verdict comes last.
      troubles.push(`${way.title}: ${text.trimEnd().split("\n").at(-1)}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  throw new SetUpError(
    [`no nats-server of version ${wanted} or newer is here`, ...troubles].join("\n  "),
    `install nats-server ${wanted} or newer (macOS: brew install nats-server; elsewhere the program of ` +
      "its release page, on PATH), or name its path in PITAYA_NATS_SERVER.",
  );
}

async function fromDebian(suite: string, dir: string, file: string): Promise<boolean> {
  const unpacked = await unpackDebianPackage(suite, "nats-server", dir);
  if (unpacked) copyFileSync(join(unpacked, "usr/sbin/nats-server"), file);
  return unpacked !== undefined;
}

function cachedFile(places: Places): string {
  return join(places.cache, "tools", "nats-server");
}

async function isNewEnough(file: string): Promise<boolean> {
  if (!isExecutable(file)) return false;
  // A program that does not start, or is another one of that name, is none.
  const text = await runCommand(file, ["--version"]).catch(() => "");
  const [major, minor] = [natsServerAtLeast[0] ?? 0, natsServerAtLeast[1] ?? 0];
  const found = /v(\d+)\.(\d+)\./.exec(text);
  if (!found) return false;
  return Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor);
}
