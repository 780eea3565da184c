import type { TaskResult } from "../../sdk.ts";

/** An answer as data, or what is wrong with it: words for whoever is asked again. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export const answered = <T>(value: T): Answer<T> => ({ ok: true, value });
export const unusable = (problem: string): Answer<never> => ({ ok: false, problem });

/** An agent's last words, whatever they say. */
export const lastWords = ({ finalMessage = "" }: TaskResult): Answer<string> =>
  finalMessage.trim() === "" ? unusable("it was empty") : answered(finalMessage);
