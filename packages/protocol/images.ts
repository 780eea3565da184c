import { z } from "zod";

/**
 * A container image as a person names it: `name`, `name:tag`, `host:port/name@sha256:…`. It becomes
 * part of the engine's address of the image, so nothing else may stand in it.
 */
export const ImageReference = z
  .string()
  .max(500)
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9_.-]|\/(?![./])|:(?!\/))*(?:@sha256:[0-9a-f]{64})?$/,
    "expected an image such as name:tag or host/name:tag",
  )
  .refine((reference) => !reference.includes(".."), "expected an image name without ..");
