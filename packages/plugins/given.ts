export type Environment = Readonly<Record<string, string | undefined>>;

/** A value without the white space around it; a blank one is as good as none. */
export const given = (value: string | undefined): string | undefined => {
  const trimmed = value?.trim();
  return trimmed === "" ? undefined : trimmed;
};
