const MAX_TAIL = 2_000;

/** The end of what a CLI writes on stderr: where it dies without a word on stdout, that says why. */
export interface StderrTail {
  push(bytes: Uint8Array): void;
  /** So far. */
  text(): string;
}

export function stderrTail(): StderrTail {
  // A byte order mark is a character like any other: Node's decoder otherwise drops one in the
  // middle of a stream, depending on the pieces it comes in.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let tail = "";
  return {
    push(bytes) {
      tail = (tail + decoder.decode(bytes, { stream: true })).slice(-MAX_TAIL);
    },
    text: () => tail.toWellFormed(),
  };
}
