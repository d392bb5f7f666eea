/**
 * The stack's counters under the names of /proc/net/snmp and /proc/net/netstat (RFC 1213, RFC 4293, Linux's TcpExt): the
 * group's name and the field's name joined. Plain numbers: adding one is a store.
 */
export class Counters {
  IpForwarding = 2;
  IpDefaultTTL = 64;
  IpInReceives = 0;
  IpInHdrErrors = 0;
  IpInAddrErrors = 0;
  IpForwDatagrams = 0;
  IpInUnknownProtos = 0;
  IpInDiscards = 0;
  IpInDelivers = 0;
  IpOutRequests = 0;
  IpOutDiscards = 0;
  IpOutNoRoutes = 0;
  IpReasmTimeout = 0;
  IpReasmReqds = 0;
  IpReasmOKs = 0;
  IpReasmFails = 0;
  IpFragOKs = 0;
  IpFragFails = 0;
  IpFragCreates = 0;

  IcmpInMsgs = 0;
  IcmpInErrors = 0;
  IcmpInCsumErrors = 0;
  IcmpInDestUnreachs = 0;
  IcmpInTimeExcds = 0;
  IcmpInParmProbs = 0;
  IcmpInSrcQuenchs = 0;
  IcmpInRedirects = 0;
  IcmpInEchos = 0;
  IcmpInEchoReps = 0;
  IcmpInTimestamps = 0;
  IcmpInTimestampReps = 0;
  IcmpInAddrMasks = 0;
  IcmpInAddrMaskReps = 0;
  IcmpOutMsgs = 0;
  IcmpOutErrors = 0;
  /** Errors that RFC 1122's rules or the rate limit kept from being sent. */
  IcmpOutRateLimitGlobal = 0;
  IcmpOutDestUnreachs = 0;
  IcmpOutTimeExcds = 0;
  IcmpOutParmProbs = 0;
  IcmpOutSrcQuenchs = 0;
  IcmpOutRedirects = 0;
  IcmpOutEchos = 0;
  IcmpOutEchoReps = 0;
  IcmpOutTimestamps = 0;
  IcmpOutTimestampReps = 0;
  IcmpOutAddrMasks = 0;
  IcmpOutAddrMaskReps = 0;

  TcpRtoAlgorithm = 1;
  TcpRtoMin = 200;
  TcpRtoMax = 120_000;
  TcpMaxConn = -1;
  TcpActiveOpens = 0;
  TcpPassiveOpens = 0;
  TcpAttemptFails = 0;
  TcpEstabResets = 0;
  TcpCurrEstab = 0;
  TcpInSegs = 0;
  TcpOutSegs = 0;
  TcpRetransSegs = 0;
  TcpInErrs = 0;
  TcpOutRsts = 0;
  TcpInCsumErrors = 0;

  TcpExtSyncookiesSent = 0;
  TcpExtSyncookiesRecv = 0;
  TcpExtSyncookiesFailed = 0;
  TcpExtPAWSActive = 0;
  TcpExtPAWSEstab = 0;
  TcpExtListenOverflows = 0;
  TcpExtListenDrops = 0;
  TcpExtDelayedACKs = 0;
  TcpExtDelayedACKLost = 0;
  TcpExtTW = 0;
  TcpExtTWRecycled = 0;
  TcpExtTCPTimeouts = 0;
  TcpExtTCPLossProbes = 0;
  TcpExtTCPFastRetrans = 0;
  TcpExtTCPSlowStartRetrans = 0;
  TcpExtTCPSackRecovery = 0;
  TcpExtTCPRenoRecovery = 0;
  TcpExtTCPLostRetransmit = 0;
  TcpExtTCPSACKReorder = 0;
  TcpExtTCPFullUndo = 0;
  TcpExtTCPSpuriousRtxHostQueues = 0;
  TcpExtTCPOFOQueue = 0;
  TcpExtTCPOFODrop = 0;
  TcpExtTCPRcvPruned = 0;
  TcpExtTCPChallengeACK = 0;
  TcpExtTCPSYNChallenge = 0;
  TcpExtTCPACKSkippedChallenge = 0;
  TcpExtTCPAbortOnData = 0;
  TcpExtTCPAbortOnClose = 0;
  TcpExtTCPAbortOnMemory = 0;
  TcpExtTCPAbortOnTimeout = 0;
  TcpExtTCPAbortOnLinger = 0;
  TcpExtTCPKeepAlive = 0;
  TcpExtTCPZeroWindowDrop = 0;
  TcpExtTCPRcvQDrop = 0;
  TcpExtTCPReqQFullDrop = 0;
  TcpExtTCPReqQFullDoCookies = 0;
  TcpExtTCPDSACKOldSent = 0;
  TcpExtTCPDSACKRecv = 0;
  TcpExtTCPBacklogDrop = 0;
  TcpExtTCPTimeWaitOverflow = 0;

  UdpInDatagrams = 0;
  UdpNoPorts = 0;
  UdpInErrors = 0;
  UdpOutDatagrams = 0;
  UdpRcvbufErrors = 0;
  UdpSndbufErrors = 0;
  UdpInCsumErrors = 0;
  UdpIgnoredMulti = 0;
  UdpMemErrors = 0;

  IpExtInNoRoutes = 0;
  IpExtInTruncatedPkts = 0;
  IpExtInBcastPkts = 0;
  IpExtOutBcastPkts = 0;
  IpExtInMcastPkts = 0;
  IpExtOutMcastPkts = 0;
  IpExtInOctets = 0;
  IpExtOutOctets = 0;
  IpExtReasmOverlaps = 0;
  /** Source or destination addresses that may not appear on the wire they came from (in_martian_src, in_martian_dst). */
  IpExtInMartians = 0;

  /** Frames dropped because the stack's receive queue was full (netdev backlog) or the arena had no frame left. */
  LinkBacklogDrops = 0;
  LinkNoFrames = 0;
  LinkInErrors = 0;
  ArpInRequests = 0;
  ArpInReplies = 0;
  ArpInErrors = 0;
  ArpOutRequests = 0;
  ArpOutReplies = 0;
  ArpPendingDrops = 0;
  ArpFailures = 0;
  /** Others that use an address of ours. */
  ArpConflicts = 0;
}
