/** Scheduling policies (sched(7)) and priorities (getpriority(2), ioprio_set(2)). */

export const SCHED_OTHER = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
export const SCHED_DEADLINE = 6;
export const SCHED_RESET_ON_FORK = 0x4000_0000;
/** Of SCHED_FIFO and SCHED_RR: 1 to this. */
export const REALTIME_PRIORITY_MAXIMUM = 99;
/** sizeof(struct sched_attr), as it was first and as it is. */
export const SCHED_ATTR_BYTES_FIRST = 48;
export const SCHED_ATTR_BYTES = 56;

export const PRIO_PROCESS = 0;
export const PRIO_PGRP = 1;
export const PRIO_USER = 2;
export const NICE_MINIMUM = -20;
export const NICE_MAXIMUM = 19;

export const IOPRIO_WHO_PROCESS = 1;
export const IOPRIO_WHO_PGRP = 2;
export const IOPRIO_WHO_USER = 3;
export const IOPRIO_CLASS_SHIFT = 13;
export const IOPRIO_CLASS_NONE = 0;
export const IOPRIO_CLASS_RT = 1;
export const IOPRIO_CLASS_BE = 2;
export const IOPRIO_CLASS_IDLE = 3;
