import { fileURLToPath } from "node:url";
import { buildImage } from "../build-image.ts";

/** @returns its tag */
export const buildOddAgentImage = (): Promise<string> =>
  buildImage("pitaya-odd-agent:test", fileURLToPath(new URL(".", import.meta.url)), [
    "Dockerfile",
    "claude",
  ]);
