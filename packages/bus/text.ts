import { INLINE_TEXT_BYTES, type Text } from "@pitaya/protocol";
import type { BlobStore } from "./bus.port.ts";

const EXCERPT_CHARACTERS = 400;

/**
 * Keeps a text in the message up to 8 KiB of UTF-8, and longer ones as a blob with their beginning.
 *
 * @param roomBytes what the message has room for, if that is less
 */
export async function storeText(
  bus: { readonly blobs: BlobStore },
  text: string,
  roomBytes: number = INLINE_TEXT_BYTES,
): Promise<Text> {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= Math.min(roomBytes, INLINE_TEXT_BYTES)) return { inline: text };
  const blob = await bus.blobs.put(async function* () {
    yield bytes;
  });
  return { blob, excerpt: excerptOf(text) };
}

/** @throws `blob_missing`, `blob_corrupt` */
export async function loadText(bus: { readonly blobs: BlobStore }, text: Text): Promise<string> {
  if ("inline" in text) return text.inline;
  const parts: Uint8Array[] = [];
  for await (const part of bus.blobs.get(text.blob)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Cut between characters, not inside one. */
function excerptOf(text: string): string {
  const cut = text.slice(0, EXCERPT_CHARACTERS);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}
