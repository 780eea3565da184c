import Docker from "dockerode";

/** Builds an image from what the engine holds. A second call is a look-up in its cache. */
export async function buildImage(
  tag: string,
  context: string,
  files: readonly string[],
  engine = new Docker(),
): Promise<string> {
  const stream = await engine.buildImage({ context, src: [...files] }, { t: tag, version: "1" });
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error, output) => {
      const failed = (output as { error?: string }[] | undefined)?.find((line) => line.error);
      if (error || failed) reject(error ?? new Error(failed?.error));
      else resolve();
    });
  });
  return tag;
}
