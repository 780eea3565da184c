import { describe, expect, it } from "vitest";
import { parseReport } from "./report.rules.ts";

const report = (...lines: string[]) => ["pitaya-report 1", ...lines, ""].join("\n");

describe("a wrapper's report", () => {
  it("is read when it is whole", () => {
    const head = "a".repeat(40);
    expect(
      parseReport(
        report(
          "agent 0",
          "stdout 12",
          "stderr 0",
          "trouble one",
          `head ${head}`,
          "forced",
          "bundle",
          "patch",
          "trouble two",
          "end",
        ),
      ),
    ).toEqual({
      agentCode: 0,
      written: { stdout: 12, stderr: 0 },
      head,
      forcedCommit: true,
      hasBundle: true,
      hasPatch: true,
      trouble: ["one", "two"],
    });
  });

  it("is none when it was cut off or is something else", () => {
    expect(parseReport(report("agent 0", "stdout 1"))).toBeUndefined();
    expect(parseReport("agent 0\nend\n")).toBeUndefined();
    expect(parseReport("")).toBeUndefined();
  });

  it("keeps an agent's inventions out of numbers and ids, and bounds its words", () => {
    const found = parseReport(
      report(
        "agent -1",
        "stdout 1e9",
        "stderr 99999999999999999999",
        "head ../../x",
        ...Array(50).fill(`trouble ${"x".repeat(2_000)}`),
        "end",
      ),
    );
    expect(found).toMatchObject({ forcedCommit: false, hasBundle: false });
    expect(found).not.toHaveProperty("agentCode");
    expect(found).not.toHaveProperty("written");
    expect(found).not.toHaveProperty("head");
    expect(found?.trouble).toHaveLength(20);
    expect(found?.trouble[0]).toHaveLength(500);
  });
});
