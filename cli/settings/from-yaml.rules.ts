import { PitayaError } from "@pitaya/protocol";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { nearest } from "../command-line/nearest.rules.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import { secretVariable, successorOf } from "./former-keys.rules.ts";
import { FLAG_ONLY } from "./from-env.rules.ts";
import { SETTING_KEYS, type SettingKey } from "./keys.ts";
import type { ConfigKey, Given } from "./layers.ts";

export interface ReadSettings {
  readonly values: ReadonlyMap<ConfigKey, Given>;
  /** Of keys that mean nothing any more. */
  readonly warnings: readonly string[];
}

const FILE_KEYS: readonly SettingKey[] = SETTING_KEYS.filter((key) => !FLAG_ONLY.has(key));
const GROUPS: readonly string[] = [
  ...new Set(FILE_KEYS.flatMap((key) => (key.includes(".") ? [key.split(".")[0] ?? ""] : []))),
  ...["strategies", "plugins"],
];
const isGroup = (path: string): boolean =>
  GROUPS.includes(path) || FILE_KEYS.some((key) => key.startsWith(`${path}.`));
/** Deeper than anything that a setting holds. */
const MAX_DEPTH = 20;
const MAX_PROBLEMS = 20;

/**
 * Settings from the text of a YAML file. Only plain YAML is taken: no alias, so that a short file
 * cannot stand for a long one, and no tag.
 *
 * @param shown the file, for messages
 * @throws {PitayaError} `usage` with file and line of everything that is wrong
 */
export function readYamlSettings(text: string, shown: string): ReadSettings {
  const lines = new LineCounter();
  const problems: string[] = [];
  const warnings: string[] = [];
  const values = new Map<ConfigKey, Given>();
  const at = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const place = (line: number) => `${shown}:${line}`;
  const fail = (offset: number, why: string) => void problems.push(`${place(at(offset))}: ${why}`);

  function top(): void {
    // Pretty errors, and the library's own look for keys given twice, take quadratic time.
    const document = parseDocument(text, {
      ...{ lineCounter: lines, prettyErrors: false, uniqueKeys: false },
      ...{ version: "1.2", schema: "core", merge: false, logLevel: "error" },
    });
    const [wrong] = [...document.errors, ...document.warnings];
    if (wrong !== undefined) {
      fail(wrong.pos[0], `this is no YAML: ${oneLine(wrong.message)}`);
      return;
    }
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return;
    if (isMap(contents)) level(contents as YAMLMap.Parsed, "", 1);
    else fail(0, "expected settings, one `key: value` a line");
  }

  /** The pairs of a mapping, each key once. */
  function pairs(
    map: YAMLMap.Parsed,
  ): readonly { key: string; node: ParsedNode | null; offset: number }[] {
    const seen = new Set<string>();
    return map.items.flatMap(({ key, value }) => {
      const [offset] = key.range;
      if (!isScalar(key) || typeof key.value !== "string") {
        fail(offset, "expected the name of a setting");
        return [];
      }
      if (seen.has(key.value)) fail(offset, `${named(key.value)} is given twice`);
      seen.add(key.value);
      return [{ key: key.value, node: value, offset }];
    });
  }

  function level(map: YAMLMap.Parsed, prefix: string, depth: number): void {
    for (const { key, node, offset } of pairs(map)) {
      const path = prefix === "" ? key : `${prefix}.${key}`;
      if (FILE_KEYS.includes(path as SettingKey) && !key.includes(".")) {
        take(path as SettingKey, node, offset, depth);
      } else if (prefix === "strategies") params(path, node, offset, depth);
      else if (prefix === "plugins") take(path as ConfigKey, node, offset, depth);
      else if (isGroup(path)) {
        if (isMap(node)) level(node as YAMLMap.Parsed, path, depth + 1);
        else if (!isEmpty(node)) fail(offset, `${key} holds settings of its own: ${listOf(path)}`);
      } else unknown(path, node, offset, depth);
    }
  }

  function params(path: string, node: ParsedNode | null, offset: number, depth: number): void {
    if (isEmpty(node)) return;
    if (!isMap(node)) {
      fail(offset, `${named(path)}: expected parameters, one a line`);
      return;
    }
    for (const pair of pairs(node as YAMLMap.Parsed)) {
      const key = `strategies.${path.slice("strategies.".length)}.${pair.key}` as const;
      take(key, pair.node, pair.offset, depth + 1);
    }
  }

  function take(key: ConfigKey, node: ParsedNode | null, offset: number, depth: number): void {
    if (isEmpty(node)) return;
    const held = new Map<string, number>();
    const value = plain(node, depth, "", held);
    const line = at(offset);
    values.set(key, { value, as: `${place(line)}: ${named(key)}`, line, lines: held });
  }

  function plain(
    node: ParsedNode | null,
    depth: number,
    path: string,
    held: Map<string, number>,
  ): unknown {
    if (node === null) return null;
    const [offset] = node.range;
    if (isAlias(node)) fail(offset, "an alias (*) is not taken here; write the value itself");
    else if (depth > MAX_DEPTH) fail(offset, "this is nested too deeply");
    else if (isScalar(node)) return node.value;
    else if (isSeq(node)) {
      return node.items.map((item, i) =>
        plain(item as ParsedNode | null, depth + 1, `${path}${i}.`, held),
      );
    } else if (isMap(node)) {
      return Object.fromEntries(
        pairs(node as YAMLMap.Parsed).map((pair) => {
          held.set(`${path}${pair.key}`, at(pair.offset));
          return [pair.key, plain(pair.node, depth + 1, `${path}${pair.key}.`, held)];
        }),
      );
    }
    return undefined;
  }

  function unknown(path: string, node: ParsedNode | null, offset: number, depth: number): void {
    const variable = secretVariable(path);
    if (variable !== undefined) {
      fail(offset, `${path} belongs into no file: set ${variable} in the environment`);
      return;
    }
    const successor = successorOf(path);
    if (successor !== undefined) {
      warnings.push(`${place(at(offset))}: ${path} means nothing any more: ${successor}`);
      return;
    }
    // A group of the earlier version that is not one of ours.
    if (isMap(node) && !path.includes(".") && depth === 1) {
      const inner = pairs(node as YAMLMap.Parsed);
      if (inner.length > 0 && inner.every(({ key }) => successorOf(`${path}.${key}`))) {
        for (const pair of inner) unknown(`${path}.${pair.key}`, pair.node, pair.offset, depth + 1);
        return;
      }
    }
    const meant = nearestKey(path);
    const more = meant === undefined ? listOf(path) : `did you mean ${meant}?`;
    fail(offset, `there is no setting ${named(path)}; ${more}`);
  }

  try {
    top();
  } catch (error) {
    // The stack is the only bound the library has on some nestings.
    if (!(error instanceof RangeError)) throw error;
    problems.push(`${shown}: this is nested too deeply`);
  }
  if (problems.length > 0) throw wrongFile(problems);
  return { values, warnings };
}

/** All that is wrong with a file, as far as anybody reads it. */
function wrongFile(problems: readonly string[]): PitayaError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  const more = problems.length - shown.length;
  const lines = more === 0 ? shown : [...shown, `and ${more} more`];
  return new PitayaError("usage", lines.join("\n  "), {
    hint: "docs/configuration.md has every setting; `pitaya config print` shows what holds.",
  });
}

function nearestKey(path: string): string | undefined {
  const known = [...FILE_KEYS, ...GROUPS];
  const last = path.slice(path.lastIndexOf(".") + 1);
  // The right word on a wrong level.
  const moved = known.find((key) => key !== path && key.split(".").at(-1) === last);
  return nearest(path, known) ?? moved;
}

/** What may stand where this stands. */
function listOf(path: string): string {
  const group = path.slice(0, Math.max(0, path.lastIndexOf("."))) || path;
  const members = FILE_KEYS.filter((key) => key.startsWith(`${group}.`));
  if (members.length > 0) {
    return `settings of ${group}: ${members.map((key) => key.slice(group.length + 1)).join(", ")}`;
  }
  const top = [...FILE_KEYS.filter((key) => !key.includes(".")), ...GROUPS];
  return `settings: ${top.join(", ")}`;
}

const isEmpty = (node: ParsedNode | null): node is null =>
  node === null || (isScalar(node) && node.value === null);

const named = (path: string): string => shorten(printable(path), 80);
const oneLine = (text: string): string => shorten(printable(text), 200);
