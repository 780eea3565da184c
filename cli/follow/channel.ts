/** Hands items from several producers to one consumer, in the order they came. */
export interface Channel<T> extends AsyncIterable<T> {
  /** Resolves when there is room for another: a producer that awaits is never far ahead. */
  push(item: T): Promise<void>;
  /** No more items; the consumer still gets those that are there, and then the error, if any. */
  end(error?: unknown): void;
}

/** @param room items that may wait before `push` does */
export function channel<T>(room: number): Channel<T> {
  const items: T[] = [];
  const waiting: (() => void)[] = [];
  let wake = () => {};
  let ended: { readonly error?: unknown } | undefined;

  return {
    async push(item) {
      if (ended) return;
      items.push(item);
      wake();
      if (items.length > room) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    end(error) {
      ended ??= error === undefined ? {} : { error };
      for (const resume of waiting.splice(0)) resume();
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let item = items.shift(); item !== undefined; item = items.shift()) {
          waiting.shift()?.();
          yield item;
        }
        if (ended) {
          if ("error" in ended) throw ended.error;
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
