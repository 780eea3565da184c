import type { SettingKey } from "./keys.ts";

/** Where a value can come from, what holds first. */
export const SOURCES = ["flag", "env", ".env", "project", "global", "default"] as const;
export type Source = (typeof SOURCES)[number];

/** A value as it was written down, typed or as text. */
export interface Given {
  readonly value: unknown;
  /** How it was written, for messages: `--timeout`, `PITAYA_MODEL`, `pitaya.yaml:3: runner.timeout`. */
  readonly as: string;
  /** Of its file, counted from 1. */
  readonly line?: number;
  /** Of what it holds, by dotted path below it. */
  readonly lines?: ReadonlyMap<string, number>;
}

/** `strategies.<name>.<param>`: a parameter of a strategy. */
export type StrategyKey = `strategies.${string}`;
/** `plugins.<name>`: a declared plugin, whole. */
export type PluginKey = `plugins.${string}`;
export type ConfigKey = SettingKey | StrategyKey | PluginKey;

export const isStrategyKey = (key: string): key is StrategyKey => key.startsWith("strategies.");
export const isPluginKey = (key: string): key is PluginKey => key.startsWith("plugins.");

/** A file that values come from. */
export interface LayerFile {
  readonly path: string;
  /** As a person would write it. */
  readonly shown: string;
  /** Set where it lies in the repository, so that whoever wrote that has written it too. */
  readonly trust?: Trust;
}

/** Whether the user has said yes to a file of the repository, as it is now. */
export type Trust = "trusted" | "untrusted" | "changed";

/** A file of the repository that the user has not said yes to as it is. */
export const isDoubtful = ({ trust }: LayerFile): boolean =>
  trust === "untrusted" || trust === "changed";

export interface Layer {
  readonly source: Exclude<Source, "default">;
  readonly values: ReadonlyMap<ConfigKey, Given>;
  readonly file?: LayerFile;
}
