import { z } from "zod";

/** A file or directory of the repository. Said to a shell at times: no character that means more there. */
export const repositoryPath = () =>
  z
    .string()
    .trim()
    .min(1)
    .max(400)
    .refine((path) => !/(^|\/)\.(git|pitaya)(\/|$)/i.test(path), {
      error: "expected a path that git keeps, not one in .git or .pitaya",
    })
    .regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\p{Cc}]+$/u, {
      error: "expected a path inside the repository, without a leading slash or ..",
    });
