/** openat2(2): struct open_how (flags, mode, resolve; 8 bytes each), and what paths may be kept from. */

export const OPEN_HOW_BYTES = 24;
export const RESOLVE_NO_XDEV = 1;
export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_NO_SYMLINKS = 4;
export const RESOLVE_BENEATH = 8;
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;
