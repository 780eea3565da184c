import { describe, expect, it } from "vitest";
import { ImageReference } from "./images.ts";

describe("an image", () => {
  it.each([
    "pitaya-agents:latest",
    "ghcr.io/me/codex-cli:mytag",
    "localhost:5000/team/agent",
    `agent@sha256:${"0".repeat(64)}`,
    `sha256:${"f".repeat(64)}`,
  ])("is %s", (reference) => {
    expect(ImageReference.safeParse(reference).success).toBe(true);
  });

  it.each([
    "",
    "BAD IMAGE",
    "../containers",
    "a/../b",
    "a//b",
    "a\nb",
    "-x",
    "a?b=c",
    "a#b",
    "http://x/y",
  ])("is not %j", (reference) => {
    expect(ImageReference.safeParse(reference).success).toBe(false);
  });
});
