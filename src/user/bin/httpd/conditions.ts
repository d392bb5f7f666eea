/** Preconditions (RFC 9110 13): If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since and If-Range. */
import { parseHttpDate } from "../http/date.ts";

export interface Validators {
  /** A strong one, with its quotes. */
  entityTag: string;
  /** Whole seconds, in milliseconds since 1970. */
  lastModified: number;
}

export interface Conditions {
  ifMatch?: string | undefined;
  ifUnmodifiedSince?: string | undefined;
  ifNoneMatch?: string | undefined;
  ifModifiedSince?: string | undefined;
}

/** The status that the conditions of a GET or HEAD lead to, in RFC 9110 13.2.2's order: 200, 304 or 412. */
export function evaluateConditions(conditions: Conditions, validators: Validators, now: number): 200 | 304 | 412 {
  const { ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!matchesTag(ifMatch, validators.entityTag, true)) return 412;
  } else if (ifUnmodifiedSince !== undefined) {
    const date = parseHttpDate(ifUnmodifiedSince, now);
    if (date !== undefined && validators.lastModified > date) return 412;
  }
  // 13.1.3: If-Modified-Since counts only where there is no If-None-Match.
  if (ifNoneMatch !== undefined) return matchesTag(ifNoneMatch, validators.entityTag, false) ? 304 : 200;
  if (ifModifiedSince !== undefined) {
    const date = parseHttpDate(ifModifiedSince, now);
    if (date !== undefined && validators.lastModified <= date) return 304;
  }
  return 200;
}

/** Whether If-Range allows the Range to be used (13.1.5): the tag by strong comparison, or exactly the date. */
export function rangeStillHolds(ifRange: string, validators: Validators, now: number): boolean {
  if (ifRange.startsWith('"')) return ifRange === validators.entityTag;
  // 8.8.2.2: a date is strong only when it lies at least a second back.
  return parseHttpDate(ifRange, now) === validators.lastModified && validators.lastModified + 1000 <= now;
}

/** "*" or a list of tags. Strong comparison (8.8.3.2) refuses weak ones. */
function matchesTag(list: string, entityTag: string, isStrong: boolean): boolean {
  if (list === "*") return true;
  for (const [, weak, tag] of list.matchAll(/(W\/)?("[\x21\x23-\x7e\x80-\uffff]*")/g)) {
    if (tag === entityTag && !(isStrong && weak !== undefined)) return true;
  }
  return false;
}
