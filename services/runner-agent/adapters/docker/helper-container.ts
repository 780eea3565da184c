import { createReadStream } from "node:fs";
import type { HostConfig, MountSettings } from "dockerode";
import { attached } from "./attached.ts";
import { type Engine, makingContainer, onEngine, unlessGone } from "./engine.ts";
import { hardened } from "./hardening.rules.ts";
import type { Labels } from "./names.ts";

export interface HelperJob {
  /** Also the lock: a container of this name that was left by a dead process is removed first. */
  readonly name: string;
  readonly labels: Labels;
  readonly image: string;
  /** Script for `sh -c`, and its arguments from $1 on. */
  readonly script: string;
  readonly args: readonly string[];
  readonly user: string;
  readonly env?: readonly string[];
  readonly mounts?: readonly MountSettings[];
  readonly host?: HostConfig;
  /** Bytes for its standard input, in order; a file from an offset on. */
  readonly input?: readonly HelperInput[];
}

export type HelperInput = string | Uint8Array | { readonly path: string; readonly start: number };

export interface HelperResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024;

/** Runs scripts of ours, each in a container of its own, to its end, and removes the container. */
export interface Helpers {
  run(job: HelperJob): Promise<HelperResult>;
  /** Is a container of this name one that this process is using? */
  isRunning(name: string): boolean;
}

export function helpers(engine: Engine): Helpers {
  const running = new Set<string>();
  return {
    run: async (job) => {
      running.add(job.name);
      try {
        return await runHelper(engine, job);
      } finally {
        running.delete(job.name);
      }
    },
    isRunning: (name) => running.has(name),
  };
}

async function runHelper(engine: Engine, job: HelperJob): Promise<HelperResult> {
  await unlessGone("remove a left-over helper", () =>
    engine.getContainer(job.name).remove({ force: true, v: true }),
  );
  const container = await onEngine("create a helper container", () =>
    makingContainer(() =>
      engine.createContainer({
        name: job.name,
        Image: job.image,
        Labels: job.labels,
        User: job.user,
        Entrypoint: ["/bin/sh", "-c", job.script, "pitaya"],
        Cmd: [...job.args],
        Env: [...(job.env ?? [])],
        OpenStdin: true,
        StdinOnce: true,
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        HostConfig: { ...hardened(), ...job.host, Mounts: [...(job.mounts ?? [])] },
      }),
    ),
  );
  try {
    const streams = attached(
      (await onEngine("attach to a helper container", () =>
        container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true }),
      )) as import("node:stream").Duplex,
    );
    const output = collect(streams.frames);
    await onEngine("start a helper container", () => container.start());
    // A helper that fails early reads no further; its exit code says more than the broken pipe.
    const fed = feed(streams.write, job.input ?? []).then(
      () => streams.endInput(),
      () => streams.close(),
    );
    const end: { StatusCode: number } = await onEngine("wait for a helper container", () =>
      container.wait(),
    );
    await fed;
    return { exitCode: end.StatusCode, ...(await output) };
  } finally {
    await unlessGone(
      "remove a helper container",
      () => container.remove({ force: true, v: true }),
      [404, 409],
    );
  }
}

async function feed(
  write: (bytes: Uint8Array | string) => Promise<void>,
  input: NonNullable<HelperJob["input"]>,
): Promise<void> {
  for (const part of input) {
    if (typeof part === "string" || part instanceof Uint8Array) {
      await write(part);
    } else {
      for await (const bytes of createReadStream(part.path, { start: part.start })) {
        await write(bytes as Buffer);
      }
    }
  }
}

async function collect(frames: AsyncIterable<import("./attached.ts").Frame>) {
  const kept = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const bytes = { stdout: 0, stderr: 0 };
  for await (const frame of frames) {
    if (bytes[frame.stream] >= MAX_OUTPUT_BYTES) continue;
    bytes[frame.stream] += frame.bytes.length;
    kept[frame.stream].push(frame.bytes);
  }
  return {
    stdout: Buffer.concat(kept.stdout).toString(),
    stderr: Buffer.concat(kept.stderr).toString(),
  };
}
