/** The last bytes of a stream of any length. */
export interface OutputTail {
  push(bytes: Uint8Array): void;
  /** As text: cut at a character, what is not UTF-8 replaced. */
  text(): string;
}

export function outputTail(maxBytes: number): OutputTail {
  let parts: Uint8Array[] = [];
  let size = 0;
  const compact = () => {
    const all = Buffer.concat(parts);
    parts = [all.subarray(Math.max(0, all.byteLength - maxBytes))];
    size = parts[0]?.byteLength ?? 0;
  };
  return {
    push(bytes) {
      // A copy: the caller's buffer may be part of one much larger.
      parts.push(bytes.slice(Math.max(0, bytes.byteLength - maxBytes)));
      size += Math.min(bytes.byteLength, maxBytes);
      if (size > 4 * maxBytes) compact();
    },
    text() {
      compact();
      const [all = new Uint8Array()] = parts;
      let start = 0;
      // Continuation bytes at the cut belong to a character whose beginning is gone.
      if (all.byteLength === maxBytes) {
        while (start < 3 && ((all[start] ?? 0) & 0xc0) === 0x80) start += 1;
      }
      return new TextDecoder().decode(all.subarray(start));
    },
  };
}
