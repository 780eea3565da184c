import {
  type AgentPlugin,
  COMMIT_INSTRUCTION,
  type CredentialMode,
  declaredPlugin,
  findPlugin,
  pluginNames,
  resolveCredentials,
} from "@pitaya/plugins";
import { type AgentSpec, PitayaError, type PluginDeclaration } from "@pitaya/protocol";
import type { Session } from "../session.ts";
import type { Resolved } from "../settings/resolve.rules.ts";
import { checkAddress } from "./agent-address.rules.ts";
import { posixWords } from "./posix-words.rules.ts";
import type { Credentials } from "./sealed-credentials.ts";

/** The agent of a run, and the secrets it works with, which are no part of what is submitted. */
export interface AgentChoice {
  readonly spec: AgentSpec;
  readonly credentials: Credentials;
  readonly commitInstruction: string;
}

/**
 * Decides which agent does the work and with what credential.
 *
 * @throws {PitayaError} `usage` for a plugin, flag or prompt that will not do; `credentials_missing`
 */
export function chooseAgent(session: Session, prompt: string): AgentChoice {
  const { values } = session.settings;
  const { plugin, declaration } = choosePlugin(session.settings);
  const model = values.model ?? plugin.defaultModel;
  const cliArgs = [...session.values("cli-arg"), ...posixWords(session.value("cli-args") ?? "")];
  const { secrets, baseUrl } = credentialsOf(session, plugin);
  const image = values["runner.docker_image"] ?? plugin.defaultImage;
  const optional = {
    ...(model === undefined ? {} : { model }),
    ...(baseUrl === undefined ? {} : { baseUrl: checkedBaseUrl(baseUrl) }),
  };
  const problems = plugin.check({ prompt, cliArgs, ...optional });
  if (problems.length > 0) throw new PitayaError("usage", problems.join("; "));
  const credentials = Object.keys(secrets);
  return {
    spec: {
      ...{ plugin: plugin.name, image, cliArgs: [...cliArgs], credentials, ...optional },
      ...(declaration !== undefined && { declaration }),
    },
    credentials: secrets,
    commitInstruction: COMMIT_INSTRUCTION,
  };
}

/**
 * The plugin that is asked for: one of ours, or one that the user has declared.
 *
 * @throws {PitayaError} `usage`
 */
export function choosePlugin({ values, plugins }: Pick<Resolved, "values" | "plugins">): {
  readonly plugin: AgentPlugin;
  readonly declaration: PluginDeclaration | undefined;
} {
  const name = values.plugin_name;
  const declaration = plugins.get(name);
  if (declaration === undefined && !pluginNames.includes(name)) {
    throw new PitayaError("usage", `there is no plugin "${name}"`, {
      hint: `plugins: ${[...pluginNames, ...plugins.keys()].join(", ")}`,
    });
  }
  if (declaration !== undefined && pluginNames.includes(name)) {
    throw new PitayaError("usage", `plugins.${name}: there is a plugin ${name} already`, {
      hint: "Give the declared one a name of its own.",
    });
  }
  const plugin = declaration === undefined ? findPlugin(name) : declaredPlugin(name, declaration);
  return { plugin, declaration };
}

/**
 * @param only the kind of credential, where it is settled already
 * @throws {PitayaError} `usage`, `credentials_missing`
 */
export function credentialsOf(session: Session, plugin: AgentPlugin, only?: CredentialMode) {
  const mode = only ?? modeOf(session.value("mode"));
  const oauthToken = session.value("oauth-token");
  const apiKey = session.value("api-key");
  const baseUrl = session.value("base-url");
  const found = resolveCredentials(plugin, {
    env: session.variables.all,
    ...(mode === undefined ? {} : { mode }),
    ...(oauthToken === undefined ? {} : { oauthToken }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  });
  if (found.baseUrl !== undefined && baseUrl === undefined) {
    checkAddress(session.variables, plugin, found);
  }
  return found;
}

function modeOf(given: string | undefined): CredentialMode | undefined {
  if (given === undefined || given === "subscription" || given === "api") return given;
  throw new PitayaError("usage", `--mode: expected subscription or api, not "${given}"`);
}

/** An address that goes into the log and into containers: it must not hold a secret. */
function checkedBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new PitayaError("usage", "the base URL of the provider is not an http or https address");
  }
  if (url.username !== "" || url.password !== "") {
    throw new PitayaError("usage", "the base URL of the provider holds a user name or password", {
      hint: "Give the credential with --api-key or --oauth-token.",
    });
  }
  return text;
}
