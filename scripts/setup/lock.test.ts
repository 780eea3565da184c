import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { withLock } from "./lock.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-lock-"));
  file = join(dir, "some", "set-up.lock");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ignore = () => undefined;

it("lets the second in when the first is done, and says once that it waits", async () => {
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const onWait = vi.fn(() => first.resolve());
  const holding = withLock(file, ignore, async () => {
    await first.promise;
    order.push("first");
  });
  const waiting = withLock(file, onWait, async () => order.push("second"));
  await Promise.all([holding, waiting]);
  expect(order).toEqual(["first", "second"]);
  expect(onWait).toHaveBeenCalledOnce();
});

it("is free again after work that failed", async () => {
  const failing = withLock(file, ignore, () => Promise.reject(new Error("no network")));
  await expect(failing).rejects.toThrow("no network");
  const onWait = vi.fn();
  await withLock(file, onWait, async () => undefined);
  expect(onWait).not.toHaveBeenCalled();
});

it("is free again after its holder was killed", async () => {
  const lock = new URL("./lock.ts", import.meta.url).href;
  const holder = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
    "--eval",
    `const { withLock } = await import(${JSON.stringify(lock)});
     await withLock(${JSON.stringify(file)}, () => {}, () => {
       console.log("held");
       return new Promise(() => setInterval(() => {}, 1000));
     });`,
  ]);
  await once(holder.stdout, "data");
  const onWait = vi.fn(() => void holder.kill("SIGKILL"));
  await withLock(file, onWait, async () => undefined);
  expect(onWait).toHaveBeenCalledOnce();
});
