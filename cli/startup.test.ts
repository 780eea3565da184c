import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** Runs the program in a process of its own and lists the modules it loaded. */
function loadedBy(...argv: readonly string[]): readonly string[] {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        loaded.push(found.url);
        return found;
      },
    });
    const { pitaya } = await import(${JSON.stringify(new URL("pitaya.ts", import.meta.url))});
    const output = { isTTY: false, columns: 80, rows: 24, write: async () => {} };
    const argv = ${JSON.stringify(argv)};
    const code = await pitaya({ argv, env: {}, stdout: output, stderr: output });
    console.log(JSON.stringify({ code, loaded }));
  `;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  const { code, loaded } = JSON.parse(said) as { code: number; loaded: string[] };
  expect(code).toBe(argv.includes("--nonsense") ? 2 : 0);
  return loaded;
}

test.each([["--version"], ["--help"], ["import", "--help"], ["--nonsense"]])(
  "%s loads the table of commands, what reads it and little else: no command, no package of ours",
  (...argv) => {
    const loaded = loadedBy(...argv).filter((url) => !url.startsWith("node:"));
    const commander = loaded.filter((url) => url.includes("/node_modules/commander/"));
    const ours = loaded.filter((url) => !commander.includes(url));
    expect(ours.length).toBeLessThan(20);
    expect(
      ours.filter((url) => /node_modules|\/commands\/[a-z]+\.ts|\/packages\//.test(url)),
    ).toEqual([]);
  },
);
