/** The beginning of a text, at most so many bytes of UTF-8, cut between characters. */
export function cutUtf8(
  text: string,
  maxBytes: number,
): { readonly text: string; readonly cut: boolean } {
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength <= maxBytes) return { text, cut: false };
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return { text: new TextDecoder().decode(bytes.subarray(0, end)), cut: true };
}
