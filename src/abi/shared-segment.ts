/** System V shared memory: shmget(2)'s flags and shmctl(2)'s commands and structure, as arm64 has them. */

export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const SHM_HUGETLB = 0o4000;

export const IPC_RMID = 0;
export const IPC_SET = 1;
export const IPC_STAT = 2;
export const SHM_LOCK = 11;
export const SHM_UNLOCK = 12;

export const SHM_RDONLY = 0o10000;
export const SHM_RND = 0o20000;
export const SHM_REMAP = 0o40000;
export const SHM_EXEC = 0o100000;

/** In shm_perm.mode: removed, and gone with the last attachment. */
export const SHM_DEST = 0o1000;
export const SHM_LOCKED = 0o2000;
/** /proc/sys/kernel/shmmni: segments at most. */
export const SHMMNI = 4096;
/** sizeof(struct shmid64_ds), and where its parts lie. */
export const SHMID_DS_BYTES = 112;
export const shmidOffset = {
  key: 0,
  userId: 4,
  groupId: 8,
  creatorUserId: 12,
  creatorGroupId: 16,
  mode: 20,
  sequence: 24,
  byteLength: 48,
  attachTime: 56,
  detachTime: 64,
  changeTime: 72,
  creatorProcessId: 80,
  lastProcessId: 84,
  attachments: 88,
} as const;
