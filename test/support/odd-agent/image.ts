import { fileURLToPath } from "node:url";
import Docker from "dockerode";

export const ODD_AGENT_IMAGE = "pitaya-odd-agent:test";

/** Builds the image from what the engine holds. A second call is a look-up in its cache. */
export async function buildOddAgentImage(): Promise<string> {
  const engine = new Docker();
  const context = fileURLToPath(new URL(".", import.meta.url));
  const stream = await engine.buildImage(
    { context, src: ["Dockerfile", "claude"] },
    { t: ODD_AGENT_IMAGE, version: "1" },
  );
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error, output) => {
      const failed = (output as { error?: string }[] | undefined)?.find((line) => line.error);
      if (error || failed) reject(error ?? new Error(failed?.error));
      else resolve();
    });
  });
  return ODD_AGENT_IMAGE;
}
