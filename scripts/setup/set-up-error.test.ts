import { expect, it } from "vitest";
import { describeFailure, SetUpError } from "./set-up-error.ts";

it("tells each thing that failed with what to do about it", () => {
  const text = describeFailure(
    new AggregateError([
      new SetUpError("no engine answers", "install Docker."),
      new Error("npm pack ended with 1"),
    ]),
  );
  expect(text).toBe("no engine answers\n  What to do: install Docker.\n\nnpm pack ended with 1");
});
