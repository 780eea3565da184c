import type { Duplex } from "node:stream";
import type { Container } from "dockerode";
import { attached, type Frame } from "./attached.ts";
import { unlessGone } from "./engine.ts";
import type { Offsets, OutputItem } from "./kept-segments.ts";
import { AGENT_USER, PLACE } from "./places.ts";

export interface Follower {
  /** From the given offsets on, which are moved along. */
  readonly items: AsyncIterable<OutputItem>;
  /** After `items`: it fell behind what is kept, and another can go on behind the gap. */
  hasFallenBehind(): Promise<boolean>;
  close(): void;
}

/**
 * Reads on in a running container whose attached stream was lost, through the wrapper's follow.sh.
 * Undefined where nothing can be started in it, which mostly means that it has just ended.
 */
export async function follow(
  container: Container,
  position: Offsets,
): Promise<Follower | undefined> {
  const exec = await unlessGone(
    "follow a container's output",
    () =>
      container.exec({
        Cmd: [
          "/bin/sh",
          `${PLACE.wrapper}/follow.sh`,
          String(position.stdout),
          String(position.stderr),
        ],
        User: AGENT_USER,
        AttachStdout: true,
        AttachStderr: true,
      }),
    [404, 409, 500],
  );
  if (exec === undefined) return undefined;
  const connection = await unlessGone(
    "follow a container's output",
    () => exec.start({ hijack: true, stdin: false }),
    [404, 409, 500],
  );
  if (connection === undefined) return undefined;
  const streams = attached(connection as Duplex);
  return {
    items: placed(streams.frames, position),
    hasFallenBehind: async () => {
      const end = await unlessGone("look up a follower's end", () => exec.inspect());
      return end?.ExitCode === 0;
    },
    close: streams.close,
  };
}

/** Each stream begins with a line that says at which offset it begins. */
async function* placed(
  frames: AsyncIterable<Frame>,
  position: Offsets,
): AsyncGenerator<OutputItem> {
  const head: { stdout: Buffer | undefined; stderr: Buffer | undefined } = {
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
  };
  for await (const { stream, bytes } of frames) {
    let rest: Uint8Array = bytes;
    const begun = head[stream];
    if (begun !== undefined) {
      const line = Buffer.concat([begun, bytes]);
      const end = line.indexOf("\n");
      if (end === -1) {
        head[stream] = line.subarray(0, 32);
        continue;
      }
      head[stream] = undefined;
      const start = Number(line.subarray(0, end).toString());
      if (Number.isSafeInteger(start) && start > position[stream]) {
        yield { gap: { stream, fromOffset: position[stream], toOffset: start } };
        position[stream] = start;
      }
      rest = line.subarray(end + 1);
    }
    if (rest.length === 0) continue;
    yield { stream, bytes: rest, offset: position[stream] };
    position[stream] += rest.length;
  }
}
