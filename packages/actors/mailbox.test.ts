import { expect, it } from "vitest";
import { mailbox } from "./mailbox.ts";

it("handles one piece at a time, in order, also when handling waits", async () => {
  const seen: string[] = [];
  const box = mailbox<string>(
    async (mail) => {
      seen.push(`${mail}(`);
      await new Promise<void>((resolve) => setImmediate(resolve));
      seen.push(`)${mail}`);
    },
    (error) => expect.unreachable(String(error)),
  );
  box.post("a");
  box.post("b");
  await box.idle();
  box.post("c");
  await box.idle();
  expect(seen).toEqual(["a(", ")a", "b(", ")b", "c(", ")c"]);
});

it("goes on after a piece that fails, and tells of it", async () => {
  const failed: unknown[] = [];
  const seen: number[] = [];
  const box = mailbox<number>(
    (mail) => {
      if (mail === 1) throw new Error("one");
      seen.push(mail);
    },
    (error, mail) => failed.push([(error as Error).message, mail]),
  );
  for (const mail of [1, 2]) box.post(mail);
  await box.idle();
  expect(seen).toEqual([2]);
  expect(failed).toEqual([["one", 1]]);
});

it("takes nothing after it was closed, and drops what it had not begun", async () => {
  const seen: number[] = [];
  const box = mailbox<number>(
    (mail) => void seen.push(mail),
    () => undefined,
  );
  box.post(1);
  await box.close();
  box.post(2);
  await box.idle();
  expect(seen).not.toContain(2);
});
