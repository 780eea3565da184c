import type { ErrorCode } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { Strategy } from "../sdk.ts";
import { runStrategy } from "../testing/index.ts";
import { builtIn } from "./index.ts";

const PAGES = "- {title: Start, path: docs/start.md}";
const CODES: readonly ErrorCode[] = ["agent_failed", "timeout", "budget", "credentials_refused"];
/** What forgives the most. */
const FORGIVING: Readonly<Record<string, object>> = {
  "doc-review": { pages_file: "pages.yml" },
  "pr-review": { ci_fail_policy: "never", fail_on: [] },
  iterative: { stop_on_no_changes: false },
};

describe.each<[string, Strategy]>(builtIn.map((strategy) => [strategy.name, strategy]))(
  "%s",
  (name, strategy) => {
    it.each(CODES)("fails where every agent ends with %s, and says why", async (error) => {
      const { outcome, tasks } = await runStrategy(strategy, {
        params: { ...FORGIVING[name] },
        files: { "pages.yml": PAGES },
        crash: "after-every-step",
        script: () => ({ error, text: "it broke" }),
      });
      expect(outcome).toMatchObject({
        status: "failed",
        reason: expect.stringContaining("it broke"),
      });
      expect(outcome).not.toHaveProperty("chosen");
      expect(tasks.length).toBeGreaterThan(0);
    });
  },
);
