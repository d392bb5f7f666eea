/** Types of the plain JavaScript bootstrap, for its test. */
export function missingPackages(folder: string): string[];
