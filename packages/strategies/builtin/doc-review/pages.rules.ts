import { parse } from "yaml";
import { z } from "zod";
import { type Answer, answered, unusable } from "../answers/answer.ts";

/** A page to review. */
export interface Page {
  readonly title: string;
  /** In the repository. */
  readonly path: string;
  /** Names the page in keys and file names; no two pages share one. */
  readonly slug: string;
}

const Entry = z.strictObject({
  title: z.string().trim().min(1),
  path: z
    .string()
    .trim()
    .min(1)
    .refine((path) => !path.startsWith("/") && !path.split("/").includes(".."), {
      error: "must be a path inside the repository, without a leading slash or ..",
    }),
  slug: z.string().trim().optional(),
});
const Entries = z.array(Entry).max(500);

/**
 * The pages that a list in YAML or JSON names: `[{title, path, slug?}]`, or the same under `pages`.
 * JSON is YAML, so one parser reads both.
 */
export function parsePages(text: string): Answer<readonly Page[]> {
  let data: unknown;
  try {
    data = parse(text, { maxAliasCount: 100, logLevel: "error" });
  } catch (error) {
    const [what] = error instanceof Error ? error.message.split("\n") : [String(error)];
    return unusable(`is neither YAML nor JSON: ${what?.replace(/:$/, "")}`);
  }
  if (data === null || data === undefined) return unusable("is empty");
  const list = isObject(data) && "pages" in data ? data["pages"] : data;
  if (!Array.isArray(list)) return unusable(`holds no list of pages: ${FORM}`);
  if (list.length === 0) return unusable("lists no page");
  const entries = Entries.safeParse(list);
  if (!entries.success) return unusable(`${firstIssue(entries.error)}; ${FORM}`);
  return answered(withSlugs(entries.data));
}

const FORM = "expected a list of {title, path, slug?}, or {pages: [...]}";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const [index, ...rest] = issue?.path ?? [];
  const place = typeof index === "number" ? `page ${index + 1}` : "the list";
  return `${[place, ...rest].join(".")}: ${issue?.message ?? "is wrong"}`;
}

/** Lower case, with everything but letters and digits as one dash; a slug taken before gets a number. */
function withSlugs(entries: readonly z.infer<typeof Entry>[]): Page[] {
  const taken = new Set<string>();
  return entries.map(({ title, path, slug }) => {
    const wanted = slugOf(slug ?? "") || slugOf(title) || "page";
    let free = wanted;
    for (let n = 2; taken.has(free); n += 1) free = `${wanted}-${n}`;
    taken.add(free);
    return { title, path, slug: free };
  });
}

const MAX_SLUG = 80;

const slugOf = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_SLUG)
    .replaceAll(/^-+|-+$/g, "");
