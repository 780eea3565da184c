/** Handles mail one piece at a time, in the order it came. */
export interface Mailbox<T> {
  post(mail: T): void;
  /** Resolves when everything posted so far is handled. */
  idle(): Promise<void>;
  /** Takes nothing more and waits for what is under way. */
  close(): Promise<void>;
}

/**
 * @param handle may be asynchronous; the next piece waits for it
 * @param onError gets what `handle` throws; the mailbox goes on with the next piece
 */
export function mailbox<T>(
  handle: (mail: T) => void | Promise<void>,
  onError: (error: unknown, mail: T) => void,
): Mailbox<T> {
  const queue: T[] = [];
  let open = true;
  let working: Promise<void> | undefined;

  const work = async () => {
    for (let mail = queue.shift(); mail !== undefined; mail = queue.shift()) {
      try {
        await handle(mail);
      } catch (error) {
        onError(error, mail);
      }
    }
    working = undefined;
  };

  return {
    post(mail) {
      if (!open) return;
      queue.push(mail);
      working ??= Promise.resolve().then(work);
    },
    idle: async () => {
      while (working) await working;
    },
    async close() {
      open = false;
      queue.length = 0;
      while (working) await working;
    },
  };
}
