import { describe, expect, it } from "vitest";
import { checkServerVersion } from "./server-version.rules.ts";

describe("the server's version", () => {
  it.each(["2.12.0", "2.12.1", "2.15.1", "2.100.0", "3.0.0", "2.12.0-RC.3", "2.14"])(
    "%s will do",
    (version) => {
      expect(() => checkServerVersion(version)).not.toThrow();
    },
  );

  it.each(["2.9.10", "2.10.27", "2.11.99", "1.99.0", "unknown", "", "2"])(
    "%j will not",
    (version) => {
      expect(() => checkServerVersion(version)).toThrow(
        expect.objectContaining({ code: "server_too_old" }),
      );
    },
  );
});
