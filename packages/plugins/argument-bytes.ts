/** Longest text on a command line; the kernel takes 128 KiB an argument. */
export const MAX_ARGUMENT_BYTES = 96 * 1024;

export const isLongArgument = (text: string): boolean =>
  Buffer.byteLength(text) > MAX_ARGUMENT_BYTES;
