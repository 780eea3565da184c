import { z } from "zod";

/** One subject token. Dots, wildcards and white space are routing syntax, so an id never has them. */
export const Token = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

type ParamName<P extends string> = P extends `${infer Head}.${infer Tail}`
  ? ParamName<Head> | ParamName<Tail>
  : P extends `:${infer Name}`
    ? Name
    : never;
export type SubjectParams<P extends string> = Readonly<Record<ParamName<P>, string>>;

/** A family of subjects, such as `pitaya.v1.evt.:run.decision`. */
export interface SubjectFamily<P extends string = string> {
  readonly pattern: P;
  /** The subject of one message. @throws ZodError if a value is not a {@link Token} */
  of(params: SubjectParams<P>): string;
  /** A filter: each parameter left out becomes `*`. Also the form permissions are written in. */
  filter(params?: Partial<SubjectParams<P>>): string;
  /** The parameters of a received subject, or `undefined` if it is of another family. */
  parse(subject: string): SubjectParams<P> | undefined;
}

export function subjectFamily<const P extends string>(pattern: P): SubjectFamily<P> {
  const tokens = pattern.split(".");
  const fill = (value: (name: ParamName<P>) => string) =>
    tokens.map((t) => (t.startsWith(":") ? value(t.slice(1) as ParamName<P>) : t)).join(".");
  return {
    pattern,
    of: (params) => fill((name) => Token.parse(params[name])),
    filter: (params) => fill((name) => Token.optional().parse(params?.[name]) ?? "*"),
    parse: (received) => {
      const parts = received.split(".");
      const matches =
        parts.length === tokens.length &&
        tokens.every((t, i) => (t.startsWith(":") ? parts[i] !== "" : t === parts[i]));
      if (!matches) return undefined;
      const found = tokens.flatMap((t, i) => (t.startsWith(":") ? [[t.slice(1), parts[i]]] : []));
      return Object.fromEntries(found) as SubjectParams<P>;
    },
  };
}
