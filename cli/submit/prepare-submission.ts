import { type Bus, storeText } from "@pitaya/bus";
import { type Base, isDirty, type Repository, resolveBase } from "@pitaya/git";
import {
  type BlobRef,
  type BranchSource,
  makeRunId,
  PitayaError,
  type RunFile,
  type RunId,
  type RunSpec,
} from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import type { LocalPlace } from "../local-place.ts";
import type { Session } from "../session.ts";
import type { AgentChoice } from "./agent-choice.ts";
import { extraCa } from "./extra-ca.ts";
import type { NamedFile } from "./named-files.ts";
import { runSpec } from "./run-spec.rules.ts";
import { sentBundles } from "./sent-bundles.ts";
import type { StrategyChoice } from "./strategy-choice.rules.ts";
import { uploadBase } from "./upload-base.ts";

/**
 * The base of a run, as it is now. Changes that are not committed are not in it, and that is said.
 *
 * @throws {PitayaError} `unborn_head`, `base_missing`, `worktree_dirty`
 */
export async function chooseBase(
  session: Session,
  place: LocalPlace,
  signal: AbortSignal,
): Promise<Base> {
  const base = await resolveBase(place.repo, session.value("base-branch"), signal);
  if (await isDirty(place.repo, signal)) {
    if (session.has("require-clean-wt")) {
      throw new PitayaError("worktree_dirty", "there are changes that are not committed", {
        hint: "Commit or stash them, or leave out --require-clean-wt.",
      });
    }
    await session.console.warn(
      `there are changes that are not committed; agents start from ${base.name} without them`,
    );
  }
  return base;
}

/** Makes the spec of a run that is to be submitted, its base and texts in the store. */
export interface Submission {
  readonly run: RunId;
  /** @param again the store turned out not to hold what it was thought to hold */
  spec(again: boolean): Promise<RunSpec>;
}

export async function prepareSubmission(options: {
  readonly session: Session;
  readonly connection: Connection;
  readonly place: LocalPlace;
  readonly base: Base;
  /** What `namedBranches` gave. */
  readonly branches: readonly Base[];
  readonly agent: AgentChoice;
  readonly strategy: StrategyChoice;
  readonly files: readonly NamedFile[];
  readonly prompt: string;
  readonly signal: AbortSignal;
}): Promise<Submission> {
  const { session, connection, place, base, agent, strategy, files, prompt, signal } = options;
  const { clock, random } = session.host;
  const { repo, scratchDir } = place;
  const now = clock.now();
  const run = makeRunId(new Date(now), random(4));
  const certificates = await extraCa(session, repo.topLevel ?? repo.gitDir);
  const sent = await sentBundles(place.directory.root, connection.store, random(4));
  return {
    run,
    async spec(again) {
      const { bus, client } = connection;
      if (again) await sent.forget();
      const known = again ? { ...sent, chains: [] } : sent;
      const source = await uploadBase({ bus, repo, base, sent: known, scratchDir, signal });
      const branches: BranchSource[] = [];
      // One after the other: each may stand on what the one before it has sent.
      for (const branch of options.branches) {
        const remembered = await sentBundles(place.directory.root, connection.store, random(4));
        const from = { bus, repo, base: branch, sent: remembered, scratchDir, signal };
        branches.push(await uploadBase(from));
      }
      const text = await storeText(bus, prompt);
      const ca = certificates === undefined ? undefined : await storeText(bus, certificates);
      const { code } = strategy;
      const stored = code && {
        blob: await storeBytes(bus, code.content),
        ...{ file: code.file, export: code.export },
      };
      return runSpec(
        {
          ...{
            run,
            client,
            now,
            repo,
            base: source,
            strategy: { ...strategy.spec, ...(stored && { code: stored }) },
          },
          ...{ prompt: text, agent: agent.spec, commitInstruction: agent.commitInstruction },
          ...(ca && { extraCa: ca }),
          ...{ others: agent.others, branches, files: await storeFiles(bus, files) },
        },
        session.settings.values,
      );
    },
  };
}

/**
 * Branches that parameters name, each by the name it was given there.
 *
 * @throws {PitayaError} `base_missing`
 */
export async function namedBranches(
  repo: Repository,
  base: Base,
  marked: StrategyChoice["marked"],
  signal: AbortSignal,
): Promise<readonly Base[]> {
  const names = marked.flatMap(({ mark, value }) => (mark === "branch" ? [value] : []));
  const others = names.filter((name) => name !== base.branch);
  return Promise.all(
    others.map(async (name) => ({ ...(await resolveBase(repo, name, signal)), branch: name })),
  );
}

const storeBytes = (bus: Pick<Bus, "blobs">, bytes: Uint8Array): Promise<BlobRef> =>
  bus.blobs.put(async function* () {
    yield bytes;
  });

const storeFiles = (bus: Pick<Bus, "blobs">, files: readonly NamedFile[]): Promise<RunFile[]> =>
  Promise.all(
    files.map(async ({ content, ...file }) => ({ ...file, blob: await storeBytes(bus, content) })),
  );

/** @throws {PitayaError} `usage` for a file that holds a credential: what travels with a run is stored */
export function refuseSecretFiles(
  session: Session,
  files: readonly Pick<NamedFile, "path" | "content">[],
): void {
  const found = files.find(({ content }) => session.redactor.containsSecret(content));
  if (found === undefined) return;
  throw new PitayaError("usage", `${found.path} holds a credential that this command was given`, {
    hint: "Files that parameters name, and a strategy's own code, are stored with the run.",
  });
}

/**
 * What is submitted is stored, and stays. A credential in it would too.
 *
 * @throws {PitayaError} `usage`
 */
export function refuseSecrets(session: Session, stored: Readonly<Record<string, unknown>>): void {
  for (const [what, value] of Object.entries(stored)) {
    if (!session.redactor.containsSecret(JSON.stringify(value))) continue;
    const where = what === "prompt" ? "the prompt" : "a parameter or argument for the agent";
    throw new PitayaError("usage", `${where} holds a credential that this command was given`, {
      hint: "What is submitted is stored. The agent gets its credential by itself, apart from it.",
    });
  }
}
