/** The object behind a MAP_SHARED mapping. */

export class SharedMemory {
  references = 0;

  retain(): void {
    this.references++;
  }

  drop(): void {
    this.references--;
  }
}
