/** Something that will happen. */
export interface Due {
  readonly atMs: number;
  /** Tells what happens at the same time apart: first come, first served. */
  readonly order: number;
}

export interface EventHeap<T extends Due> {
  push(item: T): void;
  pop(): T | undefined;
}

const isBefore = (a: Due, b: Due) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A binary heap by time. */
export function eventHeap<T extends Due>(): EventHeap<T> {
  const items: T[] = [];

  function rise(item: T, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || isBefore(parent, item)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  function sink(item: T): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = items[left + 1];
      const child = right && isBefore(right, items[left] ?? right) ? left + 1 : left;
      const next = items[child];
      if (next === undefined || isBefore(item, next)) break;
      items[at] = next;
      at = child;
    }
    items[at] = item;
  }

  return {
    push(item) {
      rise(item, items.length);
    },
    pop() {
      const [first] = items;
      const last = items.pop();
      if (last !== undefined && items.length > 0) sink(last);
      return first;
    },
  };
}
