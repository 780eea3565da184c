import { closeSync, openSync, readSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { storeRoom } from "./store-room.rules.ts";

export interface StoreWatchOptions {
  /** Of the server's store. */
  readonly directory: string;
  readonly serverLog: string;
  readonly everyMs: number;
  /** Starts the server anew. */
  renew(): Promise<void>;
  /** Told when nothing can be stored, in a sentence, and with `undefined` when it can again. */
  changed(trouble: string | undefined): void;
  /** A look that failed; the next one is made all the same. */
  onError(error: unknown): void;
}

const NO_ROOM = "no space left on device";

/** Watches the disk that the server stores on. @returns a function that ends that */
export function watchStore(options: StoreWatchOptions): () => void {
  const { directory, serverLog } = options;
  let readTo = sizeOf(serverLog);
  let full = false;
  let stopped = false;

  /** Whether the server's log has that word in what came to it since it was last read. */
  function failedToWrite(): boolean {
    const size = sizeOf(serverLog);
    // Put aside, and begun anew.
    if (size < readTo) readTo = 0;
    const from = readTo;
    readTo = size;
    return size > from && partOf(serverLog, from, size).includes(NO_ROOM);
  }

  async function look(): Promise<void> {
    const { bavail, bsize } = await statfs(directory);
    const room = storeRoom(full, { freeBytes: bavail * bsize, failedToWrite: failedToWrite() });
    if (room.full && !full) options.changed(`the disk of ${directory} is full: ${WAITS}`);
    full = room.full;
    if (!room.renew) return;
    await options.renew();
    readTo = sizeOf(serverLog);
    full = false;
    options.changed(undefined);
  }

  let timer: NodeJS.Timeout;
  const lookLater = () => {
    timer = setTimeout(() => {
      look()
        .catch(options.onError)
        .finally(() => {
          if (!stopped) lookLater();
        });
    }, options.everyMs);
    timer.unref();
  };
  lookLater();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

const WAITS = "nothing can be stored, and every run waits until there is room";

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function partOf(path: string, from: number, to: number): string {
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(to - from);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, buffer.length, from));
  } finally {
    closeSync(fd);
  }
}
