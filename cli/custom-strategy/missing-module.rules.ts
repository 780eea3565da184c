/** What an import of one of Node's own modules is after, and where a strategy finds that instead. */
const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/^fs|^path$/, "It has no file system: ctx.readFile(branch, path) reads a file of a branch"],
  [
    /^child_process|^cluster|^worker_threads/,
    "It starts no programs: a task does, in its container",
  ],
  [
    /^(net|http2?|https|tls|dgram|dns)\b/,
    "It has no network: a task may have one, in its container",
  ],
  [/^(process|os)$/, "It has no environment: what it is to know is a parameter"],
  [/^crypto$/, "Randomness comes from ctx.rand()"],
  [/^timers/, "Time comes from ctx.sleep() and ctx.now()"],
];

/** Why a module of Node's cannot be imported. */
export function refusedModule(specifier: string): string {
  const name = specifier.replace(/^node:/, "");
  const instead = INSTEAD.find(([pattern]) => pattern.test(name))?.[1];
  const why = "a strategy runs alone, with its context and nothing else";
  return `"${specifier}" cannot be imported: ${why}.${instead === undefined ? "" : ` ${instead}.`}`;
}
