import type { Duplex } from "node:stream";
import type { Container } from "dockerode";
import { attached, type Frame } from "./attached.ts";
import { unlessGone } from "./engine.ts";
import { type Offsets, type OutputItem, SEGMENT_BYTES } from "./kept-segments.ts";
import { AGENT_USER, PLACE } from "./places.ts";

export interface Follower {
  /** From the given offsets on, which are moved along. Ends with the follower, however that came. */
  readonly items: AsyncIterable<OutputItem>;
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
  return { items: placed(streams.frames, position), close: streams.close };
}

const HEAD_BYTES = 16;

/** Takes out the lines that say where the bytes of each segment begin. */
export async function* placed(
  frames: AsyncIterable<Frame>,
  position: Offsets,
): AsyncGenerator<OutputItem> {
  const state = {
    stdout: { head: Buffer.alloc(0), left: 0 },
    stderr: { head: Buffer.alloc(0), left: 0 },
  };
  for await (const { stream, bytes } of frames) {
    const of = state[stream];
    let rest = bytes;
    while (rest.length > 0) {
      if (of.left > 0) {
        const piece = rest.subarray(0, of.left);
        rest = rest.subarray(piece.length);
        of.left -= piece.length;
        yield { stream, bytes: piece, offset: position[stream] };
        position[stream] += piece.length;
        continue;
      }
      const piece = rest.subarray(0, HEAD_BYTES - of.head.length);
      rest = rest.subarray(piece.length);
      of.head = Buffer.concat([of.head, piece]);
      if (of.head.length < HEAD_BYTES) break;
      const start = Number(of.head.toString().trim());
      of.head = Buffer.alloc(0);
      // Not our script's words: someone in the container wrote into it.
      if (!Number.isSafeInteger(start) || start < position[stream]) return;
      if (start > position[stream]) {
        yield { gap: { stream, fromOffset: position[stream], toOffset: start } };
        position[stream] = start;
      }
      of.left = SEGMENT_BYTES - (start % SEGMENT_BYTES);
    }
  }
}
