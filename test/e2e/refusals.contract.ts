import { describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { branchesOf, jsonLines, runsIn } from "../support/pitaya.ts";
import type { Stack } from "../support/stack.ts";

/** Bad input that only shows once the run is there. */
export function refusals(stack: () => Stack): void {
  async function run(...how: readonly string[]) {
    const { user, repository } = stack();
    const cwd = await repository();
    const { code, stdout, stderr } = await user.run(["do it", "--json", ...how], { cwd });
    const lines = jsonLines(stdout);
    const failure = lines.find((line) => line["type"] === "task.failed")?.["payload"];
    expect(await leftOnEngine(runsIn(lines))).toEqual([]);
    expect(await branchesOf(cwd)).toEqual([]);
    return { code, stderr, failure };
  }

  describe("told clearly once the run is there:", { concurrent: true }, () => {
    it("an image that is missing", async () => {
      const { code, failure, stderr } = await run(
        "--docker-image",
        "localhost:1/no-such-image:never",
      );
      expect({ code, stderr }).toMatchObject({ code: 1 });
      expect(failure).toMatchObject({
        code: "image_missing",
        message: expect.stringContaining("no-such-image:never, and it cannot be pulled"),
      });
    });

    it("an image without the agent's program", async () => {
      const { code, failure, stderr } = await run("--docker-image", "pitaya-nats:latest");
      expect({ code, stderr }).toMatchObject({ code: 1 });
      expect(failure).toMatchObject({
        code: "image_unusable",
        message: "The image pitaya-nats:latest lacks: claude.",
      });
    });

    it("a wrong key", async () => {
      const { url } = stack().modelFor("auth401");
      const { code, failure, stderr } = await run("--base-url", url);
      expect(code).toBe(4);
      expect(stderr).toContain("ANTHROPIC_API_KEY");
      expect(failure).toMatchObject({ code: "credentials_refused" });
    });

    it("a model that is not there", async () => {
      const { url } = stack().modelFor("badmodel");
      const { code, failure } = await run("--base-url", url, "--model", "no-such-model");
      expect(code).toBe(3);
      expect(failure).toMatchObject({ code: "invalid_model" });
    });
  });
}
