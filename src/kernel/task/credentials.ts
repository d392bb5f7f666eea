/** Who a process is: user and group ids (credentials(7)) and capabilities (capabilities(7)). Each process has its own. */
import { CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETGID, CAP_SETUID, ROOT_CAPABILITIES } from "../../abi/capability.ts";
import { EPERM } from "../../abi/errno.ts";
import type { FileStatus } from "../file/open-file.ts";
import type { FileIdentity } from "../vfs/permission.ts";

/** What setresuid(2) takes for "as it is". */
const UNCHANGED = 0xffff_ffff;
const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;
const EXECUTE_BY_GROUP = 0o010;

export class ProcessCredentials implements FileIdentity {
  userId = 0;
  effectiveUserId = 0;
  savedUserId = 0;
  /** What counts for files; follows the effective id except after setfsuid(2). */
  fileSystemUserId = 0;
  groupId = 0;
  effectiveGroupId = 0;
  savedGroupId = 0;
  fileSystemGroupId = 0;
  /** Supplementary groups. */
  groups: readonly number[] = [];
  /** Bit n stands for capability n; none above 31 is ever there. */
  permitted: number = ROOT_CAPABILITIES;
  effective: number = ROOT_CAPABILITIES;
  inheritable = 0;
  bounding: number = ROOT_CAPABILITIES;
  /** prctl(PR_SET_KEEPCAPS): giving up user 0 leaves the permitted capabilities. */
  keepsCapabilities = false;
  /** prctl(PR_SET_NO_NEW_PRIVS): exec gives nothing that the process does not have. */
  noNewPrivileges = false;

  /** For a child, which starts as its parent. */
  clone(): ProcessCredentials {
    return Object.assign(new ProcessCredentials(), this);
  }

  has(capability: number): boolean {
    return capability < 32 && ((this.effective >>> capability) & 1) !== 0;
  }

  /** Whom files take the process for; undefined where its permissions are not asked. */
  get fileIdentity(): FileIdentity | undefined {
    return this.has(CAP_DAC_OVERRIDE) ? undefined : this;
  }

  /** As access(2) asks: with the real ids. */
  get realIdentity(): FileIdentity | undefined {
    if (this.userId === 0) return undefined;
    return { fileSystemUserId: this.userId, fileSystemGroupId: this.groupId, groups: this.groups };
  }

  /** kill(2): whether a signal from this process may reach that one. */
  maySignal(target: ProcessCredentials): boolean {
    if (this.has(CAP_KILL)) return true;
    const ids = [target.userId, target.savedUserId];
    return ids.includes(this.effectiveUserId) || ids.includes(this.userId);
  }

  setUser(id: number): number {
    if (this.has(CAP_SETUID)) this.changeUsers(id, id, id);
    else if (id === this.userId || id === this.savedUserId) this.changeUsers(this.userId, id, this.savedUserId);
    else return -EPERM;
    return 0;
  }

  setGroup(id: number): number {
    if (this.has(CAP_SETGID)) this.changeGroups(id, id, id);
    else if (id === this.groupId || id === this.savedGroupId) this.changeGroups(this.groupId, id, this.savedGroupId);
    else return -EPERM;
    return 0;
  }

  /** setreuid(2): the saved id follows where the real one was set or the effective one became another than the real one. */
  setRealAndEffectiveUser(real: number, effective: number): number {
    const { userId, effectiveUserId, savedUserId } = this;
    const isFree = this.has(CAP_SETUID);
    if (!isFree && !isOneOf(real, userId, effectiveUserId)) return -EPERM;
    if (!isFree && !isOneOf(effective, userId, effectiveUserId, savedUserId)) return -EPERM;
    const newEffective = pick(effective, effectiveUserId);
    const savesToo = real !== UNCHANGED || (effective !== UNCHANGED && effective !== userId);
    this.changeUsers(pick(real, userId), newEffective, savesToo ? newEffective : savedUserId);
    return 0;
  }

  setRealAndEffectiveGroup(real: number, effective: number): number {
    const { groupId, effectiveGroupId, savedGroupId } = this;
    const isFree = this.has(CAP_SETGID);
    if (!isFree && !isOneOf(real, groupId, effectiveGroupId)) return -EPERM;
    if (!isFree && !isOneOf(effective, groupId, effectiveGroupId, savedGroupId)) return -EPERM;
    const newEffective = pick(effective, effectiveGroupId);
    const savesToo = real !== UNCHANGED || (effective !== UNCHANGED && effective !== groupId);
    this.changeGroups(pick(real, groupId), newEffective, savesToo ? newEffective : savedGroupId);
    return 0;
  }

  setUsers(real: number, effective: number, saved: number): number {
    const { userId, effectiveUserId, savedUserId } = this;
    if (!this.has(CAP_SETUID)) {
      for (const id of [real, effective, saved]) {
        if (!isOneOf(id, userId, effectiveUserId, savedUserId)) return -EPERM;
      }
    }
    this.changeUsers(pick(real, userId), pick(effective, effectiveUserId), pick(saved, savedUserId));
    return 0;
  }

  setGroups(real: number, effective: number, saved: number): number {
    const { groupId, effectiveGroupId, savedGroupId } = this;
    if (!this.has(CAP_SETGID)) {
      for (const id of [real, effective, saved]) {
        if (!isOneOf(id, groupId, effectiveGroupId, savedGroupId)) return -EPERM;
      }
    }
    this.changeGroups(pick(real, groupId), pick(effective, effectiveGroupId), pick(saved, savedGroupId));
    return 0;
  }

  /** setfsuid(2): the id as it was, whether it was changed or not. */
  setFileSystemUser(id: number): number {
    const before = this.fileSystemUserId;
    const known = [this.userId, this.effectiveUserId, this.savedUserId, before];
    if (id !== UNCHANGED && (this.has(CAP_SETUID) || known.includes(id))) this.fileSystemUserId = id;
    return before;
  }

  setFileSystemGroup(id: number): number {
    const before = this.fileSystemGroupId;
    const known = [this.groupId, this.effectiveGroupId, this.savedGroupId, before];
    if (id !== UNCHANGED && (this.has(CAP_SETGID) || known.includes(id))) this.fileSystemGroupId = id;
    return before;
  }

  /** execve(2) of a file: its set-user-ID and set-group-ID bits, and the capabilities that follow from the ids. */
  executed(status: FileStatus): void {
    let { effectiveUserId, effectiveGroupId } = this;
    if (!this.noNewPrivileges) {
      if ((status.mode & SET_USER_ID) !== 0) effectiveUserId = status.userId;
      const setsGroup = SET_GROUP_ID | EXECUTE_BY_GROUP;
      if ((status.mode & setsGroup) === setsGroup) effectiveGroupId = status.groupId;
    }
    this.effectiveUserId = this.savedUserId = this.fileSystemUserId = effectiveUserId;
    this.effectiveGroupId = this.savedGroupId = this.fileSystemGroupId = effectiveGroupId;
    const isRoot = this.userId === 0 || effectiveUserId === 0;
    this.permitted = isRoot ? (this.inheritable | this.bounding) >>> 0 : 0;
    this.effective = effectiveUserId === 0 ? this.permitted : 0;
    this.keepsCapabilities = false;
  }

  /** capabilities(7), "Effect of user ID changes on capabilities". */
  private changeUsers(real: number, effective: number, saved: number): void {
    const wasRoot = this.userId === 0 || this.effectiveUserId === 0 || this.savedUserId === 0;
    const isRoot = real === 0 || effective === 0 || saved === 0;
    if (wasRoot && !isRoot && !this.keepsCapabilities) this.permitted = this.effective = 0;
    if (this.effectiveUserId === 0 && effective !== 0) this.effective = 0;
    if (this.effectiveUserId !== 0 && effective === 0) this.effective = this.permitted;
    this.userId = real;
    this.effectiveUserId = this.fileSystemUserId = effective;
    this.savedUserId = saved;
  }

  private changeGroups(real: number, effective: number, saved: number): void {
    this.groupId = real;
    this.effectiveGroupId = this.fileSystemGroupId = effective;
    this.savedGroupId = saved;
  }
}

function isOneOf(id: number, ...known: readonly number[]): boolean {
  return id === UNCHANGED || known.includes(id);
}

function pick(id: number, before: number): number {
  return id === UNCHANGED ? before : id;
}
