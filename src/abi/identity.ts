/** What uname(2) and /proc/version say this system is. Programs compare the release with kernels whose features they know. */

export const SYSTEM_NAME = "Linux";
export const KERNEL_RELEASE = "6.6.0-akuma";
export const KERNEL_VERSION = "#1 SMP Akuma";
export const MACHINE = "aarch64";
export const DOMAIN_NAME = "(none)";
/** Each field of struct utsname. */
export const UTSNAME_FIELD_BYTES = 65;
export const UTSNAME_BYTES: number = 6 * UTSNAME_FIELD_BYTES;
