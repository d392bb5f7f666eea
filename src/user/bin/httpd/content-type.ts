/** Content-Type by file name. */
import { lookup } from "mrmime";

/** Types of text that are not text/*: their files are UTF-8 as well. */
const textual =
  /^(text\/|application\/(javascript|xml|xhtml\+xml|manifest\+json|ld\+json|rss\+xml|atom\+xml)$|image\/svg\+xml$)/;

/** "text/html; charset=utf-8"; application/octet-stream for names that tell nothing. */
export function contentType(name: string): string {
  const type = name.includes(".") ? lookup(name) : undefined;
  if (type === undefined) return "application/octet-stream";
  return textual.test(type) ? `${type}; charset=utf-8` : type;
}
