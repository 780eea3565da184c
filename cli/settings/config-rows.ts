import { type AgentPlugin, pluginVariables, resolveCredentials } from "@pitaya/plugins";
import { isPitayaError } from "@pitaya/protocol";
import { strategyNames } from "@pitaya/strategies";
import { strategyReference } from "../custom-strategy/strategy-reference.rules.ts";
import type { Session } from "../session.ts";
import { checkAddress } from "../submit/agent-address.rules.ts";
import { choosePlugin, credentialSources } from "../submit/agent-choice.ts";
import { chooseStrategy, type StrategyChoice } from "../submit/strategy-choice.rules.ts";
import { decidedBy } from "./decides.rules.ts";
import { SETTING_KEYS } from "./keys.ts";
import {
  type ConfigKey,
  type Given,
  isDoubtful,
  isPluginKey,
  isStrategyKey,
  type Layer,
  type Source,
} from "./layers.ts";
import type { OwnWord } from "./own-word.rules.ts";
import { showsSecrets } from "./shown-secrets.rules.ts";

/** One value of the configuration, where it comes from, and what keeps it from holding. */
export interface ConfigRow {
  readonly key: string;
  /** Absent where nothing is set, and nothing is the default. */
  readonly value?: unknown;
  readonly source: Source;
  /** The flag or variable. */
  readonly as?: string;
  readonly file?: string;
  readonly line?: number;
  readonly refused?: string;
}

type Placed = Given & { readonly layer: Pick<Layer, "source" | "file"> };

/**
 * What a run with this command line would use: every setting, the parameters of its strategy and those
 * given for others, declared plugins, and the credentials that are there, without their values.
 *
 * @throws {PitayaError} `usage`
 */
export async function configRows(session: Session): Promise<readonly ConfigRow[]> {
  const { settings, configuration } = session;
  const { own } = configuration.gathered;
  const { plugin } = choosePlugin(settings);
  const ownDefaults: Partial<Record<ConfigKey, unknown>> = {
    model: plugin.defaultModel,
    "runner.docker_image": plugin.defaultImage,
  };
  const plain = SETTING_KEYS.map((key): ConfigRow => {
    const value = settings.values[key] ?? ownDefaults[key];
    return row(key, value, settings.chosen.get(key), own);
  });
  const others = [...settings.chosen]
    .filter(([key]) => isPluginKey(key) || isStrategyKey(key))
    .map(([key, given]) => row(key, given.value, given, own));
  const rows = new Map([...plain, ...others].map((each) => [each.key, each]));
  // Code that is not trusted is not loaded, not even to tell of it.
  if (rows.get("strategy")?.refused === undefined) {
    for (const each of await strategyRowsOf(session, rows)) rows.set(each.key, each);
  }
  return [...[...rows.values()].toSorted(byKey), ...credentialRows(session, plugin)];
}

const byKey = (a: ConfigRow, b: ConfigRow): number => {
  const levels = ({ key }: ConfigRow) => (key.includes(".") ? 1 : 0);
  return levels(a) - levels(b) || (a.key < b.key ? -1 : 1);
};

function row(key: ConfigKey, value: unknown, given: Placed | undefined, own: OwnWord): ConfigRow {
  if (given === undefined) return { key, ...(value !== undefined && { value }), source: "default" };
  const { source, file } = given.layer;
  const decides = file && isDoubtful(file) ? decidedBy(key, given.value, own) : undefined;
  return {
    key,
    value,
    source,
    ...placeOf(given),
    ...(decides && { refused: notTrusted(decides) }),
  };
}

const notTrusted = (decides: string): string =>
  `it decides ${decides}, and its file is not trusted; see \`pitaya trust\``;

const placeOf = ({ as, line, layer: { file } }: Placed) =>
  file === undefined
    ? { as: as.split(/[ =]/, 1)[0] ?? as }
    : { file: file.shown, ...(line !== undefined && { line }) };

async function strategyOf(session: Session): Promise<StrategyChoice> {
  const { settings, values, host, configuration } = session;
  const shipped = [...strategyNames, ...(host.strategies ?? []).map(({ name }) => name)];
  const asked = strategyReference(settings.values.strategy, shipped);
  if (asked.kind === "shipped") return chooseStrategy(settings, values("set"), host.strategies);
  const { customStrategy } = await import("../custom-strategy/custom-strategy.ts");
  return customStrategy(session, asked, configuration.gathered.root ?? host.cwd);
}

/** Of code that is not trusted only that. */
async function strategyRowsOf(session: Session, rows: ReadonlyMap<string, ConfigRow>) {
  try {
    return strategyRows(await strategyOf(session), session.configuration.gathered.own);
  } catch (error) {
    const named = rows.get("strategy");
    if (named === undefined || !isPitayaError(error, "untrusted")) throw error;
    return [{ ...named, refused: error.message }];
  }
}

function strategyRows(
  { spec, given, values, known }: StrategyChoice,
  own: OwnWord,
): readonly ConfigRow[] {
  return known.map((param) =>
    row(`strategies.${spec.name}.${param}`, values[param], given.get(param), own),
  );
}

/** Which credentials and addresses there are for the agent. */
function credentialRows(session: Session, plugin: AgentPlugin): readonly ConfigRow[] {
  const { variables, value, host } = session;
  const shown = showsSecrets(value("redact"), host.env);
  const hidden = (secret: unknown) => (shown ? secret : HIDDEN);
  const kinds = new Set(plugin.credentials.map(({ flag }) => flag));
  const flags = [...kinds].flatMap((flag): ConfigRow[] =>
    value(flag) === undefined
      ? []
      : [{ key: flag, value: hidden(value(flag)), source: "flag", as: `--${flag}` }],
  );
  const address = value("base-url");
  if (address !== undefined) {
    flags.push({ key: "base-url", value: address, source: "flag", as: "--base-url" });
  }
  const { secret, address: open } = pluginVariables(plugin);
  const secrets = secret.map((name) => [name, true] as const);
  const addresses = open.map((name) => [name, false] as const);
  const ofVariables = [...secrets, ...addresses].flatMap(([name, isSecret]): ConfigRow[] => {
    const variable = variables.get(name);
    if (variable === undefined) return [];
    const { source, file } = variable.layer;
    const refused = isSecret || file === undefined ? undefined : addressRefusal(session, plugin);
    return [
      {
        ...{ key: name, value: isSecret ? hidden(variable.value) : variable.value, source },
        ...placeOf(variable),
        ...(refused !== undefined && { refused }),
      },
    ];
  });
  return [...flags, ...ofVariables];
}

/** Why an address of the repository's `.env` would not be used. */
function addressRefusal(session: Session, plugin: AgentPlugin): string | undefined {
  try {
    checkAddress(session.variables, resolveCredentials(plugin, credentialSources(session)));
    return undefined;
  } catch (error) {
    if (!isPitayaError(error)) throw error;
    return error.message;
  }
}

const HIDDEN = "[redacted]";
