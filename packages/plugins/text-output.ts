import { failureOfExit } from "./exit-failure.ts";
import type { OutputParser } from "./plugin.port.ts";
import { stderrTail } from "./stderr-tail.ts";

/** Of what it printed, the end that is kept as its answer. */
export const MAX_ANSWER_BYTES = 256 * 1024;

/** Reads a program that prints text: all of stdout is its answer, its exit status its success. */
export function textParser(): OutputParser {
  const answer = endOf(MAX_ANSWER_BYTES);
  const stderr = stderrTail();

  return {
    push(stream, bytes) {
      (stream === "stderr" ? stderr : answer).push(bytes);
      return [];
    },
    end(exit) {
      const text = answer.text().trim();
      const isFine = "exitCode" in exit && exit.exitCode === 0;
      return {
        records: text === "" ? [] : [{ type: "message", text: cut(text) }],
        result: {
          ...(text === "" ? {} : { finalMessage: text }),
          ...(isFine ? {} : { failure: failureOfExit(exit, stderr.text()) }),
        },
      };
    },
  };
}

const cut = (text: string, max = 4_000) =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`.toWellFormed();

/** Where the first whole character of UTF-8 begins. */
function firstCharacter(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return at === -1 ? bytes.length : at;
}

/** The last bytes of a stream, whatever the pieces it comes in, in a buffer of twice their number. */
function endOf(maxBytes: number) {
  let kept = new Uint8Array(4 * 1024);
  let length = 0;
  let total = 0;

  const last = () => kept.subarray(Math.max(0, length - maxBytes), length);

  function makeRoom(bytes: number): void {
    if (length + bytes <= kept.byteLength) return;
    const left = last();
    const larger = new Uint8Array(left.byteLength + Math.max(left.byteLength, bytes));
    larger.set(left);
    kept = larger;
    length = left.byteLength;
  }

  return {
    push(bytes: Uint8Array): void {
      total += bytes.byteLength;
      const piece = bytes.subarray(Math.max(0, bytes.byteLength - maxBytes));
      makeRoom(piece.byteLength);
      kept.set(piece, length);
      length += piece.byteLength;
    },
    text(): string {
      const bytes = last();
      const from = total > maxBytes ? firstCharacter(bytes) : 0;
      return new TextDecoder().decode(bytes.subarray(from));
    },
  };
}
