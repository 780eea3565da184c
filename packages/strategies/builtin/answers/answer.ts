/** An answer as data, or what is wrong with it: words for whoever is asked again. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export const answered = <T>(value: T): Answer<T> => ({ ok: true, value });
export const unusable = (problem: string): Answer<never> => ({ ok: false, problem });
