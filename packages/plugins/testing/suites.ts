import { declaredPlugin, findPlugin, pluginNames } from "../index.ts";
import type { ParserSuite } from "./parser.contract.ts";
import { transcriptsOf } from "./transcripts.ts";

/** Every plugin there is, on its own transcripts. */
export const PLUGIN_SUITES: readonly ParserSuite[] = pluginNames.map((name) => ({
  name,
  parser: findPlugin(name).parser,
  transcripts: transcriptsOf(name),
}));

const format = (output: "text" | "claude-stream-json" | "codex-json", plugin: string) => ({
  name: `the format ${output}`,
  parser: declaredPlugin("declared", {
    argv: ["program", "{prompt}"],
    output,
    credentials: [],
    env: {},
  }).parser,
  transcripts: transcriptsOf(plugin),
});

/** Every format that a declared plugin may have, on transcripts of programs that write it. */
export const FORMAT_SUITES: readonly ParserSuite[] = [
  format("text", "command"),
  format("claude-stream-json", "claude-code"),
  format("codex-json", "codex"),
];
