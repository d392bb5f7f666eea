import { describeFileSystem } from "../conformance.fixture.ts";
import type { Guest } from "../guest.fixture.ts";
import { MemFs } from "../memfs/memfs.ts";
import type { MemoryDirectory } from "../memfs/memory-directory.ts";
import { OverlayFs } from "./overlayfs.ts";

function memfs(guest: Guest): { fileSystem: MemFs; root: MemoryDirectory } {
  const fileSystem = new MemFs({ clock: guest.clock });
  return { fileSystem, root: fileSystem.root.inode as MemoryDirectory };
}

describeFileSystem("overlay over nothing", (_context, guest) => {
  return new OverlayFs({ clock: guest.clock, layers: [memfs(guest).fileSystem] });
});

// Names that the suite uses lie below, and are hidden in different ways: nothing of them may show, whatever happens above.
const NAMES = ["a", "b", "c", "d", "e", "f", "l", "file", "directory", "link", "empty", "full", "new", "gone", "over"];

describeFileSystem("overlay over an opaque layer", (_context, guest) => {
  const below = memfs(guest);
  for (const name of NAMES) below.root.create(below.fileSystem.root, name, 0o600);
  const above = memfs(guest);
  above.root.isOpaque = true;
  return new OverlayFs({ clock: guest.clock, layers: [below.fileSystem, above.fileSystem] });
});

describeFileSystem("overlay over whiteouts", (_context, guest) => {
  const below = memfs(guest);
  for (const name of NAMES) below.root.makeDirectory(below.fileSystem.root, name, 0o700);
  const above = memfs(guest);
  above.root.hiddenBelow = new Set(NAMES);
  return new OverlayFs({ clock: guest.clock, layers: [below.fileSystem, above.fileSystem, memfs(guest).fileSystem] });
});
