import type { ConfigKey, Layer } from "./layers.ts";

/** What the user's own files say of a key, whatever holds. */
export type OwnWord = (key: ConfigKey) => unknown;

export const ownWord =
  (layers: readonly Layer[]): OwnWord =>
  (key) =>
    layers.find(({ source, values }) => source === "global" && values.has(key))?.values.get(key)
      ?.value;
