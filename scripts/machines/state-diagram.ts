/** The part of an XState node that a picture needs. */
export interface DrawnNode {
  readonly key: string;
  readonly path: readonly string[];
  readonly type: string;
  readonly initial: { readonly target: readonly DrawnNode[] | undefined } | undefined;
  readonly states: Readonly<Record<string, DrawnNode>>;
  readonly transitions: ReadonlyMap<
    string,
    readonly {
      readonly guard?: unknown;
      readonly target?: readonly DrawnNode[] | undefined;
    }[]
  >;
}

const nameOf = (node: DrawnNode) => node.path.join("_");
const guardOf = (guard: unknown): string =>
  typeof guard === "string" ? guard : ((guard as { type?: string } | undefined)?.type ?? "");

/** Lines of a Mermaid state diagram. Several ways between two states share an arrow. */
export function stateDiagram(root: DrawnNode): string[] {
  const lines = ["stateDiagram-v2"];
  const arrows = new Map<string, Set<string>>();

  const visit = (node: DrawnNode, indent: string) => {
    const [first] = node.initial?.target ?? [];
    if (first) lines.push(`${indent}[*] --> ${nameOf(first)}`);
    for (const child of Object.values(node.states)) {
      if (Object.keys(child.states).length > 0) {
        lines.push(`${indent}state ${nameOf(child)} {`);
        visit(child, `${indent}  `);
        lines.push(`${indent}}`);
      }
      if (child.type === "final") lines.push(`${indent}${nameOf(child)} --> [*]`);
      for (const [event, ways] of child.transitions) {
        for (const { guard, target } of ways) {
          for (const to of target ?? []) {
            const arrow = `${nameOf(child)} --> ${nameOf(to)}`;
            const label = guardOf(guard) || event;
            arrows.set(arrow, (arrows.get(arrow) ?? new Set()).add(label));
          }
        }
      }
    }
  };
  visit(root, "  ");
  for (const [arrow, labels] of arrows) lines.push(`  ${arrow}: ${[...labels].join(" / ")}`);
  return lines;
}
