import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { collect, readUntil, sha256Of } from "../../ports/executor.contract.ts";
import type { AttemptSpec, SnapshotOptions } from "../../ports/executor.port.ts";
import { type EngineLab, engineLab } from "../../testing/engine-lab.ts";

const SESSION = ["talk/one.jsonl", "talk/tw*.jsonl"];
/** Prints what a work tree looks like, but for times and owners. */
const PORTRAIT = `git status --porcelain | sed 's/^A /??/' | sort
  find . -path ./.git -prune -o -printf '%M %p %l\\n' | sort
  git ls-files -z -co | sort -z | xargs -0 -r -n 1 sh -c 'test ! -f "$0" || sha256sum "./$0"'
  git log --format='%H %an %s'; git symbolic-ref HEAD`;

let lab: EngineLab;
const specs: AttemptSpec[] = [];
beforeAll(async () => {
  lab = await engineLab();
});
afterEach(async () => {
  for (const { name } of specs.splice(0)) await lab.executor.remove(name);
});
afterAll(async () => {
  expect(await lab?.close()).toEqual([]);
});

const prepare = async (script: string, change?: Partial<AttemptSpec>) => {
  const spec = lab.attempt(script, change);
  specs.push(spec);
  await lab.executor.prepare(spec);
  return spec;
};
const start = async (script: string, change?: Partial<AttemptSpec>) => {
  const { name } = await prepare(script, change);
  const execution = await lab.executor.start(name, {});
  await readUntil(execution, "ready\n");
  return { name, execution };
};
const snapshot = async (name: AttemptSpec["name"], over: Partial<SnapshotOptions> = {}) =>
  lab.executor.snapshot(name, {
    sessionFiles: SESSION,
    toDir: await mkdtemp(join(lab.dir, "snapshot-")),
    maxBytes: 10_000_000,
    signal: new AbortController().signal,
    ...over,
  });
type Taken = NonNullable<Awaited<ReturnType<typeof snapshot>>>;

const linesIn = (bytes: Uint8Array | undefined) =>
  Buffer.from(bytes ?? [])
    .toString()
    .split("\n").length - 1;

/** Waits until the agent has done something more. */
async function goesOn(name: AttemptSpec["name"], than: Taken): Promise<void> {
  await expect
    .poll(async () => linesIn((await snapshot(name))?.session[0]?.bytes), { timeout: 30_000 })
    .toBeGreaterThan(linesIn(than.session[0]?.bytes));
}

/** Notes in its session each thing right after it was done, as fast as it can. */
const BUSY = `mkdir ~/talk; n=0; echo ready
  while :; do n=$((n + 1)); echo $n >>done.txt; echo $n >>~/talk/one.jsonl; done`;
const SOMETHING = "mkdir ~/talk; echo one >~/talk/one.jsonl; echo new >new.txt";

describe("a snapshot of a container", () => {
  it("is of one moment, however busy its agent is, and holds it up for no longer", async () => {
    const { name, execution } = await start(BUSY);
    for (let n = 0; n < 2; n += 1) {
      const taken = await snapshot(name);
      const patch = await readFile(taken?.patchPath ?? "", "utf8");
      const done = patch.match(/^\+\d+$/gm)?.length ?? 0;
      const told = linesIn(taken?.session[0]?.bytes);
      expect(told).toBeGreaterThan(0);
      expect([0, 1]).toContain(done - told);
      if (taken) await goesOn(name, taken);
    }
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "agent", signal: "SIGTERM" });
  });

  it("leaves nobody standing still among processes that come and go", async () => {
    const workers = `mkdir ~/talk; echo ready
      for w in 1 2 3; do (while :; do (echo $w >>~/talk/one.jsonl); /bin/true; done) & done; wait`;
    const { name, execution } = await start(workers);
    for (let n = 0; n < 3; n += 1) expect(await snapshot(name)).toBeDefined();
    const seen = await snapshot(name);
    if (seen === undefined) throw new Error("there is no snapshot");
    await goesOn(name, seen);
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "agent" });
  });

  it("that is over a limit, or not wanted any more, is none, and the agent goes on", async () => {
    const { name } = await start(BUSY);
    await expect(snapshot(name, { maxBytes: 10 })).rejects.toMatchObject({
      code: "harvest_failed",
    });
    const unwanted = new AbortController();
    const taking = snapshot(name, { signal: unwanted.signal });
    unwanted.abort();
    await taking.catch(() => undefined);
    const taken = await snapshot(name);
    if (taken === undefined) throw new Error("there is no snapshot");
    await goesOn(name, taken);
  });

  it("gives way where memory is short, and the agent has its own", async () => {
    const { name, execution } = await start(
      `mkdir ~/talk; echo one >~/talk/one.jsonl; exec 3>&1
       head -c 31000000 /dev/zero >large.bin
       { head -c 120000000 /dev/zero; echo ready >&3; sleep 60; } | { tail -n 1 >/dev/null; echo gone; }`,
      { limits: { ...lab.attempt("").limits, memoryBytes: 128 * 1024 ** 2 } },
    );
    await expect(snapshot(name)).rejects.toMatchObject({ code: "harvest_failed" });
    const reading = collect(await lab.executor.adopt(name, { stdout: 0, stderr: 0 }));
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "agent", signal: "SIGTERM" });
    expect((await reading).stdout.toString()).toBe("ready\n");
  });

  it("holds no session file that is a link or no file", async () => {
    const planted =
      "ln -s /etc/passwd ~/talk/one.jsonl; mkdir ~/talk/two.jsonl; echo ready; sleep 60";
    const { name, execution } = await start(`mkdir ~/talk; ${planted}`);
    expect(await snapshot(name)).toBeUndefined();
    await execution.signal("KILL");
    await execution.exit;
    const dir = await mkdtemp(join(lab.dir, "harvest-"));
    const { session } = await lab.executor.harvest(name, dir, 1_000_000, SESSION);
    expect(session).toEqual([]);
  });

  it("is none of a paused container, and what was begun goes on with it", async () => {
    const { name } = await start(BUSY);
    const container = lab.engine.getContainer(lab.naming.container(name));
    await container.pause();
    expect(await snapshot(name)).toBeUndefined();
    await container.unpause();
    expect(await snapshot(name)).toBeDefined();
  });
});

describe("an attempt that goes on from a snapshot", () => {
  const resumedFrom = async (taken: Taken): Promise<Partial<AttemptSpec>> => {
    const base = lab.workspace();
    const packs = [...base.packs];
    if (taken.bundlePath !== undefined) {
      const bytes = await readFile(taken.bundlePath);
      const sha256 = sha256Of(bytes);
      const pack = { sha256, bytes: bytes.length, parents: base.packs, shallow: [] };
      await lab.executor.storePack(pack, taken.bundlePath);
      packs.unshift(sha256);
    }
    const { patchPath, session } = taken;
    return {
      workspace: lab.workspace({ commit: taken.commit, packs }),
      base: base.commit,
      restored: { session, ...(patchPath !== undefined && { patchPath }) },
    };
  };

  it("finds the work tree as it was, of whatever kind its files are, and the session", async () => {
    const { name, execution } = await start(`
      printf '*.crlf text eol=crlf\\n' >.gitattributes; printf 'one\\r\\ntwo\\r\\n' >dos.crlf
      printf '#!/bin/sh\\n' >run.sh; chmod +x run.sh; ln -s run.sh link; echo gone >gone.txt
      git add -A; git commit -q -m first
      printf 'one\\r\\nTWO\\r\\n' >dos.crlf; chmod -x run.sh; rm gone.txt; ln -sf /nowhere link
      head -c 5000 /dev/urandom >bytes.dat; mkdir -p "dïr x"; echo deep >"dïr x/日本.txt"
      echo staged >staged.txt; git add staged.txt; printf 'no newline' >README
      ${SOMETHING}; printf two >~/talk/two.jsonl; chmod +x new.txt
      { ${PORTRAIT}; } >/tmp/portrait; cat /tmp/portrait; echo ready; sleep 60`);
    const taken = await snapshot(name);
    if (taken === undefined) throw new Error("there is no snapshot");
    const before = await lab.executor.adopt(name, { stdout: 0, stderr: 0 });
    const seen = collect(before);
    await execution.signal("TERM");
    await execution.exit;
    const portrait = (await seen).stdout.toString().replace(/ready\n$/, "");

    const { name: next } = await prepare(
      `{ ${PORTRAIT}; }; cat ~/talk/one.jsonl ~/talk/two.jsonl; ls -la ~/talk | wc -l
       echo more >>new.txt; git add -A; git commit -q -m second`,
      await resumedFrom(taken),
    );
    const going = await lab.executor.start(next, {});
    const { stdout, stderr } = await collect(going);
    expect(stderr.toString()).toBe("");
    expect(stdout.toString()).toBe(`${portrait}one\ntwo5\n`);

    const dir = await mkdtemp(join(lab.dir, "harvest-"));
    lab.fetch(await lab.executor.harvest(next, dir, 10_000_000));
    const subjects = lab.source.git("log", "--format=%s", `${lab.base.tip}..refs/harvested`);
    expect(subjects).toBe("second\nfirst");
  });

  it("is made anew when the process that prepared it died before it was whole", async () => {
    const { name, execution } = await start(`${SOMETHING}; echo ready; sleep 60`);
    const taken = await snapshot(name);
    if (taken === undefined) throw new Error("there is no snapshot");
    await execution.signal("KILL");
    const change = await resumedFrom(taken);
    const spec = await prepare("cat new.txt ~/talk/one.jsonl", change);
    await lab.executor.prepare(spec);
    const going = await lab.executor.start(spec.name, {});
    expect((await collect(going)).stdout.toString()).toBe("new\none\n");
  });
});
