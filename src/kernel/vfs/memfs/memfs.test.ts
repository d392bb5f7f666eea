import { describeFileSystem } from "../conformance.fixture.ts";
import { MemFs } from "./memfs.ts";

describeFileSystem("memfs", (_context, guest) => new MemFs({ clock: guest.clock }));
