import type { Duplex } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { collect, readUntil } from "../../ports/executor.contract.ts";
import type { AttemptSpec } from "../../ports/executor.port.ts";
import { type EngineLab, engineLab } from "../../testing/engine-lab.ts";
import { archiveEntries, entryBytes } from "./archive.ts";

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

const attempt = (script: string, change?: Partial<AttemptSpec>) => {
  const spec = lab.attempt(script, change);
  specs.push(spec);
  return spec;
};
const COMMIT = "echo work >work.txt; git add work.txt; git commit -q -m work";

/** Content of the agent's container below a path, by name, as text. */
async function filesBelow(spec: AttemptSpec, path: string): Promise<Map<string, string>> {
  const container = lab.engine.getContainer(lab.naming.container(spec.name));
  const files = new Map<string, string>();
  for await (const entry of (await archiveEntries(container, path)) ?? []) {
    let text = "";
    for await (const bytes of entryBytes(entry)) text += bytes.toString("latin1");
    files.set(entry.header.name, text);
  }
  return files;
}

describe("an agent that will not let go", () => {
  it("forks without end: it is ended and its commit harvested", async () => {
    // The agent itself forks once: a fork that fails would end it before it is ended here.
    const spec = attempt(
      `${COMMIT}; echo ready; bomb() { bomb & bomb & while :; do :; done; }; bomb 2>/dev/null & while :; do :; done`,
      { killGraceMs: 500, limits: { ...attempt("").limits, pids: 64, cpus: 1 } },
    );
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    await readUntil(execution, "ready\n");
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "agent", signal: expect.any(String) });
    lab.fetch(await lab.harvest(spec));
    expect(lab.source.git("log", "-1", "--format=%s", "refs/harvested")).toBe("work");
  });

  it("ends itself and leaves a fork bomb behind: the same", async () => {
    const spec = attempt(
      `${COMMIT}
       cat >/tmp/bomb <<'END'
trap '' TERM HUP INT
bomb() { bomb & bomb & while :; do :; done; }
bomb
END
       setsid sh /tmp/bomb >/dev/null 2>&1 &
       echo result`,
      { limits: { ...attempt("").limits, pids: 64, cpus: 1 } },
    );
    const { stdout, exit, harvest } = await lab.run(spec);
    expect(stdout.toString()).toBe("result\n");
    expect(exit).toMatchObject({ kind: "agent", exitCode: 0 });
    expect(harvest.bundlePath).toBeDefined();
  });

  it("kills everything it can, the wrapper first: a second container harvests", async () => {
    const spec = attempt(`${COMMIT}; echo left >left.txt; kill -9 -1`);
    const { exit, harvest } = await lab.run(spec);
    expect(exit).toMatchObject({ kind: "container" });
    lab.fetch(harvest);
    expect(lab.source.git("log", "-1", "--format=%s", "refs/harvested")).toBe("work");
    expect(harvest.patchPath).toBeDefined();
  });

  it("kills what carries its output: its work is harvested all the same", async () => {
    const spec = attempt(
      `for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline) in tee*|split*) kill -9 \${p#/proc/};; esac; done
       ${COMMIT}; echo unheard`,
    );
    const { harvest } = await lab.run(spec);
    expect(harvest.bundlePath).toBeDefined();
  });

  it("is killed for memory: that is said", async () => {
    const spec = attempt("head -c 400000000 /dev/zero | tail", {
      limits: { ...attempt("").limits, memoryBytes: 64 * 1024 ** 2 },
    });
    expect((await lab.run(spec)).exit).toMatchObject({ oomKilled: true });
  });
});

describe("an agent over its limits", () => {
  it("fills its disk: the bytes are counted, sparse ones are not, one file has an end", async () => {
    const spec = attempt(
      `truncate -s 900M sparse
       head -c 60000000 /dev/zero >big; head -c 20000000 /dev/zero >$HOME/big
       head -c 200000000 /dev/zero >large 2>/dev/null || rm large
       head -c 90000000 /dev/zero >/tmp/big 2>/dev/null; ls large /tmp/big; echo ready
       read -r never <>/tmp/never`.replace("\n", "\nmkfifo /tmp/never\n"),
      {
        limits: {
          ...attempt("").limits,
          fileBytes: 100_000_000,
          memoryBytes: 128 * 1024 ** 2,
        },
        killGraceMs: 0,
      },
    );
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    await readUntil(execution, "ready\n");
    const [bytes] = await lab.executor.diskBytes([spec.name]);
    expect(bytes).toBeGreaterThan(80_000_000);
    expect(bytes).toBeLessThan(100_000_000);
    await execution.signal("KILL");
    await execution.exit;
  });

  it("commits more than may be brought back: rejected by its size", async () => {
    const spec = attempt("head -c 300000 /dev/urandom >noise; git add -A; git commit -q -m noise");
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    await collect(execution);
    await execution.exit;
    await expect(lab.harvest(spec, 200_000)).rejects.toMatchObject({ code: "bundle_rejected" });
    expect((await lab.harvest(spec, 400_000)).bundlePath).toBeDefined();
  });

  it("leaves more uncommitted than may be kept: its commits come all the same", async () => {
    const spec = attempt(`${COMMIT}; head -c 300000 /dev/urandom >noise`);
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    await collect(execution);
    await execution.exit;
    const harvest = await lab.harvest(spec, 200_000);
    expect(harvest.bundlePath).toBeDefined();
    expect(harvest).not.toHaveProperty("patchPath");
    expect(harvest.trouble).toContain("over the limit");
  });
});

describe("an agent that lays traps for the harvest", () => {
  const TRAPS = `
    evil() { printf '#!/bin/sh\\necho %s >>/home/agent/evil-ran\\ncat\\n' "$1"; }
    mkdir -p .git/hooks
    for hook in pre-commit commit-msg post-commit pre-auto-gc post-index-change reference-transaction post-checkout; do
      evil $hook >.git/hooks/$hook; chmod +x .git/hooks/$hook
    done
    evil program >/home/agent/evil; chmod +x /home/agent/evil
    evil git >/home/agent/git; chmod +x /home/agent/git
    printf '* filter=evil diff=evil merge=evil\\n' >.gitattributes
    mkdir -p .git/info; cp .gitattributes .git/info/attributes
    cat >>.git/config <<END
[core]
  fsmonitor = /home/agent/evil
  hooksPath = /workspace/.git/hooks
  pager = /home/agent/evil
  sshCommand = /home/agent/evil
  alternateRefsCommand = /home/agent/evil
[filter "evil"]
  clean = /home/agent/evil
  smudge = /home/agent/evil
  process = /home/agent/evil
  required = true
[diff]
  external = /home/agent/evil
[diff "evil"]
  textconv = /home/agent/evil
  command = /home/agent/evil
[gpg]
  program = /home/agent/evil
[commit]
  gpgSign = true
[uploadpack]
  packObjectsHook = /home/agent/evil
[alias]
  bundle = !/home/agent/evil
END
    printf '[core]\\n fsmonitor = /home/agent/evil\\n' >/home/agent/.gitconfig`;

  it.each([false, true])("none of its programs runs (forced commit: %s)", async (forceCommit) => {
    const spec = attempt(`${COMMIT}; echo changed >README; echo new >new.txt; ${TRAPS}`, {
      forceCommit,
      env: { PATH: "/home/agent:/usr/local/bin:/usr/bin:/bin" },
    });
    const { harvest } = await lab.run(spec);
    expect(harvest.trouble).toBeUndefined();
    lab.fetch(harvest);
    expect(harvest.forcedCommit).toBe(forceCommit);
    expect([...(await filesBelow(spec, "/home/agent")).keys()]).not.toContain("agent/evil-ran");
    if (forceCommit) expect(lab.source.git("show", "refs/harvested:README")).toBe("changed");
    else expect(harvest.patchPath).toBeDefined();
  });

  it.each([
    "ln -s /etc/passwd bundle",
    "mkdir bundle",
    "mkfifo bundle",
    "ln -s /etc/passwd extra",
    "true",
  ])("writes a report of its own, with `%s` for files, and kills the wrapper", async (file) => {
    const spec = attempt(`
      mkdir -p /pitaya/exchange/out/done; cd /pitaya/exchange/out/done
      printf 'pitaya-report 1\\nagent 0\\nbundle 1\\nend\\n' >report
      ${file}; kill -9 -1`);
    await expect(lab.run(spec)).rejects.toMatchObject({ code: "harvest_failed" });
  });

  it("reports an end of its own: the engine knows better", async () => {
    const forging = attempt(
      `mkdir -p /pitaya/exchange/out/done; cd /pitaya/exchange/out/done
       printf 'pitaya-report 1\\nagent 0\\nend\\n' >report; kill -9 -1`,
      { discards: true },
    );
    expect((await lab.run(forging)).exit).toMatchObject({ exitCode: 0, containerCode: 137 });
    expect((await lab.run(attempt("exit 3"))).exit).not.toHaveProperty("containerCode");
  });

  it("puts a link into another volume in the report's place: it is not followed", async () => {
    const { name } = attempt("");
    const { home } = lab.naming.volumes({ ...name, attempt: name.attempt + 1 });
    const { exit, harvest } = await lab.run(
      attempt(`
        mkdir /home/agent/done; printf 'pitaya-report 1\\nagent 0\\nend\\n' >/home/agent/done/report
        ln -s ../../../${home}/_data/done /pitaya/exchange/out/done
        ${COMMIT}; kill -9 -1`),
    );
    expect(exit).toMatchObject({ kind: "container" });
    expect(harvest.bundlePath).toBeDefined();
  });

  it("rewrites history and makes tags: only its HEAD comes, under one ref", async () => {
    const rewritten = await lab.run(
      attempt(
        "git tag -a -m t v1; git commit -q --amend -m rewritten; git tag v2; git branch other",
      ),
    );
    expect(rewritten.harvest.trouble).toBeUndefined();
    expect(
      lab.source.git("bundle", "list-heads", rewritten.harvest.bundlePath ?? "").split("\n"),
    ).toEqual([`${rewritten.harvest.head} refs/pitaya/result`]);

    const unborn = await lab.run(attempt("git checkout -q --orphan empty; echo x >x.txt"));
    expect(unborn.harvest).toMatchObject({ head: lab.base.tip, trouble: expect.any(String) });
    expect(unborn.harvest.patchPath).toBeDefined();
  });

  it("breaks its repository: what can be kept is kept, and what cannot is said", async () => {
    const gone = await lab.run(attempt("rm -rf .git; echo kept >kept.txt"));
    expect(gone.harvest).toMatchObject({ head: lab.base.tip, trouble: expect.any(String) });
    expect(gone.harvest.patchPath).toBeDefined();

    const index = await lab.run(
      attempt(`${COMMIT}; echo garbage >.git/index; echo kept >kept.txt`),
    );
    expect(index.harvest.patchPath).toBeDefined();
    expect(lab.fetch(index.harvest)).toBe(index.harvest.head);

    const hanging = await lab.run(
      attempt(`${COMMIT}; rm .git/HEAD; mkfifo .git/HEAD`, { harvestTimeoutMs: 500 }),
    );
    expect(hanging.harvest.trouble).toContain("longer than");
  });
});

describe("what the engine and the disk hold of a secret", () => {
  it("is nothing", async () => {
    const canary = "sk-canary-5d1f0e7b3a";
    const spec = attempt(`${COMMIT}; printf %s "$SECRET" | wc -c; env | grep -c SECRET`);
    const { stdout } = await lab.run(spec, { SECRET: canary });
    expect(stdout.toString()).toBe(`${canary.length}\n1\n`);
    const container = lab.engine.getContainer(lab.naming.container(spec.name));
    expect(JSON.stringify(await container.inspect())).not.toContain(canary);
    for (const path of ["/home/agent", "/pitaya/exchange", "/workspace"]) {
      const files = await filesBelow(spec, path);
      expect(files.size).toBeGreaterThan(0);
      expect([...files.values()].filter((text) => text.includes(canary))).toEqual([]);
    }
  });

  it("does not start the agent when the runner leaves before it has sent all", async () => {
    const spec = attempt("echo started");
    await lab.executor.prepare(spec);
    const container = lab.engine.getContainer(lab.naming.container(spec.name));
    const connection = (await container.attach({
      stream: true,
      stdin: true,
      hijack: true,
    })) as Duplex;
    await container.start();
    await new Promise((resolve) => connection.write("SECRET YQ==\n", resolve));
    connection.destroy();
    const execution = await lab.executor.adopt(spec.name, { stdout: 0, stderr: 0 });
    const { stdout, stderr } = await collect(execution);
    expect(stdout.toString()).toBe("");
    expect(stderr.toString()).toContain("before the agent could be started");
    expect(await execution.exit).toMatchObject({ kind: "agent", exitCode: 125 });
  });
});
