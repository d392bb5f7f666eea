/** Orders the blocks of a region for structured control flow: reverse postorder, dominators, loops and merges. */

export interface Node {
  /** Places in reverse postorder, of the nodes that control goes on to inside the region. */
  successors: number[];
}

export interface Shape {
  /** By node: the place of the nearest dominator; the entry's is itself. */
  readonly dominator: readonly number[];
  /** By node: the nodes it dominates directly, in reverse postorder. */
  readonly children: readonly (readonly number[])[];
  readonly isLoopHeader: readonly boolean[];
  /** Reached from two or more nodes going forward. */
  readonly isMerge: readonly boolean[];
}

/** Reverse postorder of keys from an entry; unreachable ones are left out. */
export function reversePostorder(entry: number, successorsOf: (key: number) => readonly number[]): number[] {
  const order: number[] = [];
  const seen = new Set([entry]);
  const stack: { key: number; successors: readonly number[]; next: number }[] = [
    { key: entry, successors: successorsOf(entry), next: 0 },
  ];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const successor = top.successors[top.next++];
    if (successor === undefined) {
      order.push(top.key);
      stack.pop();
    } else if (!seen.has(successor)) {
      seen.add(successor);
      stack.push({ key: successor, successors: successorsOf(successor), next: 0 });
    }
  }
  return order.reverse();
}

/**
 * The shape of nodes numbered in reverse postorder, and the edges that enter a loop other than at its header (an irreducible
 * part): the caller must take these out of the graph.
 */
export function shapeOf(nodes: readonly Node[]): { shape: Shape; irreducible: [from: number, to: number][] } {
  const count = nodes.length;
  const predecessors: number[][] = Array.from({ length: count }, () => []);
  for (const [from, node] of nodes.entries()) for (const to of node.successors) predecessors[to]?.push(from);
  // "A simple, fast dominance algorithm" (Cooper, Harvey, Kennedy).
  const dominator = new Array<number>(count).fill(-1);
  dominator[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let node = 1; node < count; node++) {
      let nearest = -1;
      for (const predecessor of predecessors[node] ?? []) {
        if (dominator[predecessor] === -1) continue;
        nearest = nearest === -1 ? predecessor : intersect(dominator, predecessor, nearest);
      }
      if (nearest !== dominator[node]) {
        dominator[node] = nearest;
        changed = true;
      }
    }
  }
  const children: number[][] = Array.from({ length: count }, () => []);
  for (let node = 1; node < count; node++) children[dominator[node] as number]?.push(node);
  const isLoopHeader = new Array<boolean>(count).fill(false);
  const forwardCount = new Array<number>(count).fill(0);
  const irreducible: [number, number][] = [];
  for (const [from, node] of nodes.entries()) {
    for (const to of node.successors) {
      if (to > from) forwardCount[to] = (forwardCount[to] as number) + 1;
      else if (dominates(dominator, to, from)) isLoopHeader[to] = true;
      else irreducible.push([from, to]);
    }
  }
  const isMerge = forwardCount.map((forward) => forward >= 2);
  return { shape: { dominator, children, isLoopHeader, isMerge }, irreducible };
}

function intersect(dominator: readonly number[], one: number, other: number): number {
  let [a, b] = [one, other];
  while (a !== b) {
    if (a > b) a = dominator[a] as number;
    else b = dominator[b] as number;
  }
  return a;
}

function dominates(dominator: readonly number[], above: number, below: number): boolean {
  let node = below;
  while (node > above) node = dominator[node] as number;
  return node === above;
}
