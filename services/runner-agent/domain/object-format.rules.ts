/** Git's object format, as the length of a commit's name tells it. */
export const objectFormatOf = (commit: string): "sha1" | "sha256" =>
  commit.length === 64 ? "sha256" : "sha1";
