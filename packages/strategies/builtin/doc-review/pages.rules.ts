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

const text = () =>
  z.string({ error: ({ input }) => (input === undefined ? "is missing" : "must be text") });

const Entry = z.strictObject({
  title: text().trim().min(1),
  path: text()
    .trim()
    .min(1)
    .max(400)
    .refine((path) => !/^\/|(?:^|\/)\.\.(?:\/|$)|\p{Cc}/u.test(path), {
      error: "must be a path inside the repository, without a leading slash or ..",
    }),
  slug: text().trim().optional(),
});
const Entries = z
  .array(Entry)
  .max(500)
  .superRefine((entries, ctx) => {
    const by = new Map<string, number>();
    for (const [index, { slug }] of entries.entries()) {
      const name = slugOf(slug ?? "");
      const first = by.get(name) ?? index;
      if (name !== "") by.set(name, first);
      if (first === index) continue;
      const message = `"${slug}" is page ${first + 1}'s slug already; give each a slug of its own`;
      ctx.addIssue({ code: "custom", path: [index, "slug"], message });
    }
  });

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
  if (!entries.success) {
    return unusable(`${entries.error.issues.slice(0, MAX_ISSUES).map(said).join("; ")}; ${FORM}`);
  }
  return answered(withSlugs(entries.data));
}

const FORM = "expected a list of {title, path, slug?}, or {pages: [...]}";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Of what is wrong with a list, so many are told of. */
const MAX_ISSUES = 10;

function said({ path: [index, ...rest], message }: z.core.$ZodIssue): string {
  const place = typeof index === "number" ? `page ${index + 1}` : "the list";
  return `${[place, ...rest].join(".")}: ${message}`;
}

/**
 * Lower case, with everything but letters and digits as one dash. One that is made of a title gets a
 * number where it is taken.
 */
function withSlugs(entries: readonly z.infer<typeof Entry>[]): Page[] {
  const taken = new Set(entries.map(({ slug }) => slugOf(slug ?? "")));
  return entries.map(({ title, path, slug }) => {
    const given = slugOf(slug ?? "");
    if (given !== "") return { title, path, slug: given };
    const wanted = slugOf(title) || "page";
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
