/**
 * What is in the realm before the strategy: its context, and clocks and randomness that come through
 * it. A script whose value is a function of `host`, the one way out, which takes and gives JSON, and
 * of the time that the code has while it is loaded. Text, since it runs in the interpreter and not
 * here.
 *
 * Whatever the strategy does to the objects it shares with this, it does to itself: the other side
 * checks all that comes out.
 */
export const PRELUDE = `
(function (host, loadedAt, methods) {
  "use strict";
  const { stringify, parse } = JSON;
  const NativeDate = Date;
  const text = String;
  const errorIds = new WeakMap();
  const settlers = new Map();
  const found = [];
  let errors = {};
  let isRunning = false;

  const ask = (request) => {
    const reply = parse(host(stringify(request)));
    if (reply.error) throw revive(reply.error);
    if (reply.promise === undefined) return reply.value;
    return new Promise((resolve, reject) => settlers.set(reply.promise, { resolve, reject }));
  };
  const call = (name, args) => ask({ call: name, args });

  function revive({ id, kind, given, message }) {
    const Kind = errors[kind];
    const error = typeof Kind === "function" ? new Kind(given) : new Error(message);
    errorIds.set(error, id);
    return error;
  }

  function told(thrown) {
    const id = Object(thrown) === thrown ? errorIds.get(thrown) : undefined;
    if (id !== undefined) return { id };
    try {
      const { name, message, stack } = Object(thrown) === thrown ? thrown : { message: text(thrown) };
      return { name: text(name ?? ""), message: text(message ?? stringify(thrown)), stack: text(stack ?? "") };
    } catch {
      return { message: "something that is no error" };
    }
  }

  function lacking(value) {
    if (Object(value) !== value) return "what a strategy has";
    if (typeof value === "function" && !("execute" in value)) return "what a strategy has: it is a plain function";
    if (typeof value.name !== "string" || value.name === "") return "a name";
    if (typeof value.execute !== "function") return "an execute function";
    if (typeof value.params?.safeParse !== "function") return "params, a zod object";
  }

  /** With what every strategy takes, and nothing that none of them does. */
  function completed(params, common) {
    if (typeof params.safeExtend !== "function" || common === undefined) return params;
    const missing = Object.entries(common.shape).filter(([name]) => !(name in params.shape));
    return params.safeExtend(Object.fromEntries(missing)).strict();
  }

  function jsonSchema({ toJSONSchema }, schema) {
    try {
      return toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    } catch {
      return undefined;
    }
  }

  const ctx = Object.create(null);
  for (const name of methods) {
    ctx[name] = (...args) => call(name, args);
  }
  ctx.log = (message) => void ask({ log: text(message) });
  // Whoever gives this up lets it rest: nothing is ever told to it.
  ctx.signal = Object.freeze({
    aborted: false,
    reason: undefined,
    onabort: null,
    throwIfAborted() {},
    addEventListener() {},
    removeEventListener() {},
    dispatchEvent: () => true,
  });
  Object.freeze(ctx);

  const line = (value) => {
    if (typeof value === "string") return value;
    try {
      return value instanceof Error ? text(value) : stringify(value) ?? text(value);
    } catch {
      return text(value);
    }
  };
  const log = (...values) => void ask({ log: values.map(line).join(" ") });
  const names = ["debug", "error", "info", "log", "warn"];
  globalThis.console = Object.fromEntries(names.map((name) => [name, log]));

  delete globalThis.performance;
  Math.random = () => {
    if (!isRunning) throw new Error("there is no randomness while a strategy is loaded; call ctx.rand() in execute");
    return call("rand", []);
  };
  const now = () => (isRunning ? call("now", []) : loadedAt);
  class ContextDate extends NativeDate {
    constructor(...args) {
      if (args.length === 0) super(now());
      else super(...args);
    }
    static now() {
      return now();
    }
  }
  Object.defineProperty(NativeDate.prototype, "constructor", { value: ContextDate });
  globalThis.Date = new Proxy(ContextDate, {
    apply: () => new ContextDate().toString(),
  });

  return {
    load(bundle) {
      const { commonParams } = bundle;
      errors = { TaskFailed: bundle.TaskFailed, KeyConflict: bundle.KeyConflict };
      const listed = [];
      const others = [];
      for (const [name, value] of Object.entries(bundle.exported)) {
        const lacks = lacking(value);
        if (lacks !== undefined) {
          // What a file without any export is bundled to.
          if (name === "default" && typeof value === "object" && stringify(value) === "{}") continue;
          const isMeant = name === "default" || (Object(value) === value && ("execute" in value || "params" in value));
          others.push(isMeant ? { name, lacks } : { name });
          continue;
        }
        const before = found.findIndex(({ strategy }) => strategy === value);
        const schema = completed(value.params, commonParams);
        found.push({ strategy: value, schema });
        listed.push({
          name,
          aliasOf: listed[before]?.name,
          strategy: value.name,
          plugins: value.plugins ?? [],
          known: Object.keys(schema.shape ?? {}),
          schema: jsonSchema(bundle, schema),
        });
      }
      return stringify({ listed, others });
    },
    check(index, params) {
      const { success, data, error } = found[index].schema.safeParse(parse(params));
      return stringify(success ? { issues: [], values: data } : { issues: error.issues });
    },
    execute(index, given) {
      isRunning = true;
      const { strategy, schema } = found[index];
      const run = async () => {
        const input = parse(given);
        const { success, data, error } = schema.safeParse(input.params);
        if (!success) throw error;
        return strategy.execute({ ...input, params: data }, ctx);
      };
      run().then((outcome) => stringify({ outcome })).then(
        (end) => host(end),
        (error) => host(stringify({ failed: told(error) })),
      );
    },
    settle(id, reply) {
      const { resolve, reject } = settlers.get(id);
      settlers.delete(id);
      const { error, value } = parse(reply);
      if (error) reject(revive(error));
      else resolve(value);
    },
    told,
  };
})
`;
