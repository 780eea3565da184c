/**
 * As `Promise.all`, but when it rejects nothing is under way any more: whoever cleans up after a
 * failure must not race with what is still being made.
 */
export async function finished<T extends readonly unknown[]>(
  started: readonly [...{ [K in keyof T]: Promise<T[K]> | T[K] }],
): Promise<T> {
  await Promise.allSettled(started);
  return Promise.all(started) as unknown as Promise<T>;
}
