import { openRepository } from "@pitaya/git";
import { findPlugin, pluginNames, pluginVariables } from "@pitaya/plugins";
import { isPitayaError, PitayaError } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { namedCode } from "../custom-strategy/named-code.ts";
import type { RepositoryCode } from "../custom-strategy/repository-code.ts";
import { printable } from "../output/printable.rules.ts";
import { isCredentialName } from "../secrets-given.rules.ts";
import type { Session } from "../session.ts";
import { decidedBy } from "../settings/decides.rules.ts";
import { isDoubtful, type Layer, type Trust } from "../settings/layers.ts";

/** One thing that a file of the repository decides once it is trusted. */
interface Decision {
  readonly as: string;
  readonly value: unknown;
  readonly decides: string;
}

/**
 * `pitaya trust`: shows what the repository's files would decide, the strategy's code they name among
 * them, and with the user's word, or `--yes`, records them as they are.
 */
export const command: CommandMain = async (session) => {
  const { console, has, configuration } = session;
  const { repositoryFiles, trusted, root } = configuration.gathered;
  // Where there is none, the answer would be about nothing.
  if (root === undefined) await openRepository(session.directory);
  const files = repositoryFiles.map((file) => ({
    ...file,
    decisions: decisionsOf(file.layer, session),
    isNew: file.layer.file !== undefined && isDoubtful(file.layer.file),
  }));
  const deciding = files.filter(({ decisions }) => decisions.length > 0);
  const code = await codeNamed(session);
  const trust = code && trusted.of(code.record);
  const asked: { readonly path: string; readonly sha256: string }[] = [
    ...deciding.filter(({ isNew }) => isNew),
    ...(code && trust !== "trusted" ? [code.record] : []),
  ];
  const print = async (accepted: boolean) => {
    if (!has("json")) return;
    const rows = deciding.map(({ path, sha256, isNew, decisions }) => ({
      ...{ path, sha256, trusted: accepted || !isNew },
      decisions: decisions.map(({ as, value, decides }) => ({ as, value, decides })),
    }));
    const strategy = code && codeRow(code, accepted || trust === "trusted");
    await console.result(JSON.stringify({ v: 1, files: rows, ...(strategy && { strategy }) }));
  };
  if (!has("json")) {
    const texts = [...deciding.map(textOf), ...(code && trust ? [codeText(code, trust)] : [])];
    await console.result(
      texts.join("\n") || "this repository's files decide nothing that needs your word",
    );
  }
  if (asked.length === 0) {
    await print(false);
    return 0;
  }
  const agreed = has("yes") || (await isAgreed(session, asked.length));
  if (!agreed) {
    await print(false);
    if (agreed === undefined) throw nobodyThere();
    return NOT_ACCEPTED;
  }
  await trusted.add(asked, new Date(session.host.clock.now()));
  await print(true);
  await console.note("recorded; a later change needs a new yes");
  return 0;
};

const NOT_ACCEPTED = 1;

const STATES: Readonly<Record<Trust, string>> = {
  trusted: "trusted",
  changed: "changed since you trusted it",
  untrusted: "not trusted",
};

/** What cannot be read is no code yet, and keeps nobody from trusting the rest. */
async function codeNamed(session: Session): Promise<RepositoryCode | undefined> {
  try {
    return await namedCode(session);
  } catch (error) {
    if (!isPitayaError(error, "usage")) throw error;
    await session.console.warn(`${printable(error.message)}; it is not asked for`);
    return undefined;
  }
}

const codeRow = ({ name, files, packageFiles, record }: RepositoryCode, trusted: boolean) => ({
  ...{ name, files, package_files: packageFiles, sha256: record.sha256, trusted },
});

/** Every file of the strategy's code, and what of packages goes with them. */
function codeText({ name, files, packageFiles }: RepositoryCode, trust: Trust): string {
  const packages = packageFiles === 0 ? [] : [`  and ${packageFiles} files of packages`];
  return [
    `the code of the strategy ${printable(name)} (${STATES[trust]}) would decide which agents run, and what they are told:`,
    ...files.map((file) => `  ${printable(file)}`),
    ...packages,
  ].join("\n");
}

/** Undefined where nobody can be asked. */
async function isAgreed(session: Session, count: number): Promise<boolean | undefined> {
  const these = count === 1 ? "this file" : "these files";
  const answer = await session.host.ask(`Trust ${these} as they are now? [y/N] `);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer.trim());
}

const nobodyThere = () =>
  new PitayaError("untrusted", "nobody is there to accept it", {
    hint: "`pitaya trust --yes` accepts what is shown here.",
  });

function decisionsOf(layer: Layer, session: Session): readonly Decision[] {
  const settings = [...layer.values].flatMap(([key, { value, as }]) => {
    const decides = decidedBy(key, value, session.configuration.gathered.own);
    return decides === undefined ? [] : [{ as, value, decides }];
  });
  const plugins = [...session.settings.plugins.values()];
  const secrets = plugins.flatMap(({ credentials }) => credentials);
  const declared = plugins.flatMap(({ baseUrlEnv }) => baseUrlEnv ?? []);
  const known = pluginNames.flatMap((name) => pluginVariables(findPlugin(name)).address);
  const isAddress = (name: string) => known.includes(name) || declared.includes(name);
  const addresses =
    layer.source === ".env"
      ? session.variables.ofFile
          .filter(({ name }) => isAddress(name))
          .map(({ as, value }) => {
            return { as, value, decides: "where the credentials of this file and the code go" };
          })
      : [];
  const credentials =
    layer.source === ".env"
      ? session.variables.ofFile
          .filter(({ name }) => isCredentialName(name) || secrets.includes(name))
          .map(({ as }) => ({
            as,
            value: "[redacted]",
            decides: "whose account gets to see the code",
          }))
      : [];
  return [...settings, ...addresses, ...credentials];
}

function textOf({
  shown,
  isNew,
  layer,
  decisions,
}: {
  readonly shown: string;
  readonly isNew: boolean;
  readonly layer: Layer;
  readonly decisions: readonly Decision[];
}): string {
  const state = STATES[(isNew && layer.file?.trust) || "trusted"];
  const rows = decisions.map(({ as, value, decides }) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `  ${as}: ${printable(text)}\n    decides ${decides}`;
  });
  return [`${shown} (${state}) would decide:`, ...rows].join("\n");
}
