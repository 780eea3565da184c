import type { OutgoingHttpHeaders } from "node:http";
import { Transform } from "node:stream";

/** What an agent has for a key, and the key. */
export interface Key {
  readonly placeholder: string;
  readonly value: string;
}

/** With each key taken back: providers repeat what they are sent. */
export const withoutKeys = (text: string, keys: readonly Key[]): string =>
  replaced(text, written(keys));

const replaced = (text: string, forms: readonly Key[]): string =>
  forms.reduce((so, { placeholder, value }) => so.replaceAll(value, () => placeholder), text);

/** Each key also as addresses have it, and as some write JSON. */
function written(keys: readonly Key[]): readonly Key[] {
  return keys.flatMap(({ placeholder, value }) =>
    [...new Set([value, encodeURIComponent(value), value.replaceAll("/", "\\/")])].map((form) => ({
      placeholder,
      value: form,
    })),
  );
}

export const headersWithoutKeys = (
  headers: OutgoingHttpHeaders,
  keys: readonly Key[],
): OutgoingHttpHeaders =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const clean = (one: unknown) => withoutKeys(String(one), keys);
      return [name, Array.isArray(value) ? value.map(clean) : clean(value)];
    }),
  );

/**
 * The same for bytes as they come. Of a piece that ends as a key begins, the end waits for the next
 * one; all else goes on at once.
 */
export function withoutKeysInStream(keys: readonly Key[]): Transform {
  // One character a byte, so that it may be anything.
  const bytewise = written(keys).map(({ placeholder, value }) => ({
    placeholder: Buffer.from(placeholder).toString("latin1"),
    value: Buffer.from(value).toString("latin1"),
  }));
  let held = "";
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      const text = replaced(held + bytes.toString("latin1"), bytewise);
      const begun = Math.max(0, ...bytewise.map(({ value }) => beginningAtEnd(text, value)));
      held = text.slice(text.length - begun);
      done(null, Buffer.from(text.slice(0, text.length - begun), "latin1"));
    },
    flush(done) {
      done(null, Buffer.from(held, "latin1"));
    },
  });
}

/** How many characters at the end of `text` are the beginning of `value`, and not all of it. */
function beginningAtEnd(text: string, value: string): number {
  for (let length = Math.min(text.length, value.length - 1); length > 0; length -= 1) {
    if (text.endsWith(value.slice(0, length))) return length;
  }
  return 0;
}
