/** Capabilities (capabilities(7)): their numbers, and the layouts of capget(2). */

export const CAP_CHOWN = 0;
export const CAP_DAC_OVERRIDE = 1;
export const CAP_FOWNER = 3;
export const CAP_KILL = 5;
export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_SETPCAP = 8;
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_RAW = 13;
export const CAP_SYS_CHROOT = 18;
/** CAP_LAST_CAP: the highest that there is. */
export const CAPABILITY_MAXIMUM = 40;

/**
 * What root has here, as in a container that was given nothing extra: owners and permissions of files, ids of processes, raw
 * sockets, chroot. Not: mounting, the clock, the network's configuration, other machines' affairs.
 */
export const ROOT_CAPABILITIES = 0xa80425fb;

/** Versions in capget(2)'s header; the older one has one set of 32 bits, the others two. */
export const CAPABILITY_VERSION_1 = 0x19980330;
export const CAPABILITY_VERSION_2 = 0x20071026;
export const CAPABILITY_VERSION_3 = 0x20080522;
/** Effective, permitted, inheritable: 32 bits each. */
export const CAPABILITY_DATA_BYTES = 12;

/** prctl(2), about credentials. */
export const PR_GET_KEEPCAPS = 7;
export const PR_SET_KEEPCAPS = 8;
export const PR_CAPBSET_READ = 23;
export const PR_CAPBSET_DROP = 24;
export const PR_GET_SECUREBITS = 27;
export const PR_SET_SECUREBITS = 28;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_GET_NO_NEW_PRIVS = 39;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_IS_SET = 1;
export const PR_CAP_AMBIENT_RAISE = 2;
export const PR_CAP_AMBIENT_LOWER = 3;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;
