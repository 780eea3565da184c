import type { Output } from "../../host.ts";
import { erase, redraw } from "./redraw.rules.ts";

/** A terminal with a frame of lines at its bottom that is drawn again and again. */
export interface Screen {
  /** The same terminal for everything else: what is written stands above the frame. */
  readonly output: Output;
  draw(lines: readonly string[]): void;
  /** Takes the frame away. */
  close(): Promise<void>;
}

export function screenOn(terminal: Output): Screen {
  let shown: readonly string[] = [];
  let last: Promise<void> = Promise.resolve();
  let broken: { readonly error: unknown } | undefined;
  // In the order of the calls.
  const write = (text: string) => {
    last = Promise.allSettled([last]).then(() => terminal.write(text));
    return last;
  };
  const paint = (lines: readonly string[]) => {
    const before = shown.length;
    shown = lines;
    return write(redraw(before, lines));
  };
  return {
    output: {
      get isTTY() {
        return terminal.isTTY;
      },
      get columns() {
        return terminal.columns;
      },
      get rows() {
        return terminal.rows;
      },
      async write(text) {
        if (broken) throw broken.error;
        await write(`${erase(shown.length)}${text}${redraw(0, shown)}`);
      },
    },
    draw(lines) {
      if (lines.length === shown.length && lines.every((line, i) => line === shown[i])) return;
      // A terminal that is gone is told to whoever writes to it next.
      paint(lines).catch((error: unknown) => {
        broken ??= { error };
      });
    },
    async close() {
      const before = shown.length;
      shown = [];
      await Promise.allSettled([before === 0 ? last : write(erase(before))]);
    },
  };
}
