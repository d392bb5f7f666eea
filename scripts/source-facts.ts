/** Facts about one parsed source file that the checks ask for: clocks and randomness it reads, and its lines of code. */
import { type Comment, type Expression, type Program, Visitor } from "oxc-parser";

/** Globals that read a clock, set a timer or draw a random number. */
const forbidden = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "requestAnimationFrame",
  "performance",
  "crypto",
]);

interface Use {
  readonly name: string;
  /** Of the expression in the source text. */
  readonly offset: number;
}

/**
 * Where a program reads time or randomness: the timers and clocks by their names, Math.random, Date.now, and Date with no
 * argument (with one it only computes). Looks for calls and member accesses, so a property or parameter of that name is none.
 */
export function forbiddenGlobals(program: Program): Use[] {
  const uses: Use[] = [];
  const add = (name: string, start: number): void => {
    uses.push({ name, offset: start });
  };
  const nameOf = (node: Expression | { type: string }): string | null =>
    node.type === "Identifier" ? (node as { name: string }).name : null;
  new Visitor({
    CallExpression(node) {
      const name = nameOf(node.callee);
      if (name !== null && (forbidden.has(name) || name === "Date")) add(name, node.start);
    },
    NewExpression(node) {
      if (nameOf(node.callee) === "Date" && node.arguments.length === 0) add("new Date()", node.start);
    },
    MemberExpression(node) {
      const object = nameOf(node.object);
      if (object === null) return;
      const property = nameOf(node.property) ?? "";
      const path = `${object}.${property}`;
      if (path === "Math.random" || path === "Date.now" || forbidden.has(object)) add(path, node.start);
      else if (object === "globalThis" && (forbidden.has(property) || property === "Date")) add(path, node.start);
    },
  }).visit(program);
  return uses;
}

/** Lines that hold something other than blanks and comments. */
export function codeLines(source: string, comments: readonly Comment[]): number {
  let text = "";
  let end = 0;
  for (const comment of comments) {
    // Line breaks within a comment stay, so that the lines around it do not join.
    text +=
      source.slice(end, comment.start) + "\n".repeat(source.slice(comment.start, comment.end).split("\n").length - 1);
    end = comment.end;
  }
  text += source.slice(end);
  return text.split("\n").filter((line) => line.trim() !== "").length;
}
