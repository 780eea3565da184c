import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { Duplex, Writable } from "node:stream";

/** Agents' connections, as the relay brings them: one stream of its session each. */
export function acceptRelayed(
  session: ServerHttp2Session,
  accept: (connection: Duplex) => void,
): void {
  session.on("stream", (stream) => {
    stream.on("error", () => stream.destroy());
    // Who connects and leaves at once is gone before it is taken in.
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ":status": 200 });
    accept(oneByOne(stream));
  });
}

/**
 * The same stream, written to in bytes and one piece at a time: of several pieces at once, with texts
 * among them, Node's HTTP/2 streams send memory that is somebody else's by then.
 */
function oneByOne(stream: ServerHttp2Stream): Duplex {
  const writable = new Writable({
    write: (bytes: Buffer, _, done) => {
      stream.write(bytes, done);
    },
    final: (done) => {
      stream.end(done);
    },
    destroy: (error, done) => {
      stream.destroy();
      done(error);
    },
  });
  stream.once("close", () => writable.destroy());
  return Duplex.from({ readable: stream, writable });
}
