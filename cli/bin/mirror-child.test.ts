import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";

const mirror = new URL("./mirror-child.mjs", import.meta.url).href;

/** A process that runs `code` in a child in place of itself. */
function mirrored(code: string) {
  const args = ["--input-type=module", "--eval", code];
  const outer = `import { mirrorChild } from ${JSON.stringify(mirror)};
    mirrorChild(process.execPath, ${JSON.stringify(args)}, process.env);`;
  // Detached: a process group without a terminal, as under a service manager.
  return spawn(process.execPath, ["--input-type=module", "--eval", outer], { detached: true });
}

async function exitOf(child: ReturnType<typeof mirrored>) {
  const [code] = await once(child, "exit");
  return code;
}

const untilKilled = `console.log("up"); setInterval(() => {}, 1000);`;

describe("mirrorChild", () => {
  it("ends with the child's exit code", async () => {
    expect(await exitOf(mirrored("process.exit(7)"))).toBe(7);
  });

  it("ends with 137 when the child was killed", async () => {
    expect(await exitOf(mirrored(`process.kill(process.pid, "SIGKILL")`))).toBe(137);
  });

  it("hands the child its stdin and stdout", async () => {
    const child = mirrored("process.stdin.pipe(process.stdout)");
    child.stdin.end("through");
    const [printed] = await once(child.stdout, "data");
    expect(String(printed)).toBe("through");
    expect(await exitOf(child)).toBe(0);
  });

  it("passes SIGTERM on and ends as the child decides", async () => {
    const child = mirrored(`process.on("SIGTERM", () => process.exit(3)); ${untilKilled}`);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await exitOf(child)).toBe(3);
  });

  it("passes SIGINT on where no terminal has done so", async () => {
    const child = mirrored(`process.on("SIGINT", () => process.exit(4)); ${untilKilled}`);
    await once(child.stdout, "data");
    child.kill("SIGINT");
    expect(await exitOf(child)).toBe(4);
  });
});
