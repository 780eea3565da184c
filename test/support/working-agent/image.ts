import { fileURLToPath } from "node:url";
import type Docker from "dockerode";
import { buildImage } from "../build-image.ts";

export const WORKING_AGENT_IMAGE = "pitaya-working-agent:test";

/** @returns its tag */
export const buildWorkingAgentImage = (engine?: Docker): Promise<string> =>
  buildImage(
    WORKING_AGENT_IMAGE,
    fileURLToPath(new URL(".", import.meta.url)),
    ["Dockerfile", "claude"],
    engine,
  );
