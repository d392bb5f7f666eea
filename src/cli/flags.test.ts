import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, InvalidArgumentError } from "commander";
import {
  addFlags,
  type KernelFlags,
  markBareFlags,
  parseEnvironment,
  parseInteger,
  parseMount,
  parseNumber,
  parseSize,
} from "./flags.ts";
import { grantFor } from "./wget.ts";

function parse(words: string[], stopAtOperand = true): { flags: KernelFlags; operands: string[] } {
  const command = new Command("run")
    .argument("[words...]")
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  addFlags(command, "publish", "allowNet", "mount", "env", "strace", "pcap", "netDelay", "netLoss", "seed", "isolate");
  if (stopAtOperand) command.passThroughOptions();
  command.parse(markBareFlags(command, words, stopAtOperand), { from: "user" });
  return { flags: command.opts(), operands: command.args };
}

test("a flag with an optional value takes it only behind an equals sign", () => {
  assert.deepEqual(parse(["--allow-net", "wget", "http://example.com"]).operands, ["wget", "http://example.com"]);
  assert.equal(parse(["--allow-net", "wget"]).flags.allowNet, true);
  assert.deepEqual(parse(["--allow-net=a.test,b.test", "wget"]).flags.allowNet, ["a.test,b.test"]);
  assert.deepEqual(parse(["--allow-net=a.test", "--allow-net=b.test", "x"]).flags.allowNet, ["a.test", "b.test"]);
  assert.equal(parse(["--allow-net=a.test", "--allow-net", "x"]).flags.allowNet, true);
  assert.equal(parse(["--strace", "--pcap", "f", "ls"]).flags.strace, true);
  assert.equal(parse(["--strace=log", "ls"]).flags.strace, "log");
});

test("an empty list grants nothing, as it stands: it may come from a variable that is not set", () => {
  assert.deepEqual(parse(["--allow-net=", "wget"]).flags.allowNet, [""]);
});

test("what follows the program is the program's, whatever it looks like", () => {
  const { flags, operands } = parse(["--pcap", "f", "wget", "--allow-net", "--seed", "7"]);
  assert.deepEqual(operands, ["wget", "--allow-net", "--seed", "7"]);
  assert.equal(flags.allowNet, undefined);
  assert.equal(flags.seed, undefined);
  assert.deepEqual(parse(["--isolate", "--", "--allow-net"]).operands, ["--allow-net"]);
  assert.equal(
    parse(["url", "--allow-net"], false).flags.allowNet,
    true,
    "where nothing is passed on, flags may stand anywhere",
  );
});

test("folders to mount", () => {
  assert.deepEqual(parseMount("public:/public"), { hostPath: "public", guestPath: "/public", writable: false });
  assert.deepEqual(parseMount("/a b/c:/x:rw"), { hostPath: "/a b/c", guestPath: "/x", writable: true });
  assert.deepEqual(parseMount("C:/x:/y:ro"), { hostPath: "C:/x", guestPath: "/y", writable: false });
  for (const text of ["", "public", ":/x", "public:x", "public:/x:rwx", "public:/x:"]) {
    assert.throws(() => parseMount(text), InvalidArgumentError, text);
  }
  assert.equal(parse(["--mount", "a:/a", "--mount", "b:/b:rw", "ls"]).flags.mount?.length, 2);
});

test("variables and numbers", () => {
  assert.deepEqual(parseEnvironment("B=x=y", { A: "1" }), { A: "1", B: "x=y" });
  assert.deepEqual(parseEnvironment("EMPTY="), { EMPTY: "" });
  for (const text of ["A", "=x", ""]) assert.throws(() => parseEnvironment(text), InvalidArgumentError);
  const percent = parseNumber(0, 100, "percent");
  assert.equal(percent("2.5"), 2.5);
  for (const text of ["", "-1", "101", "x", "NaN", "Infinity"])
    assert.throws(() => percent(text), InvalidArgumentError, text);
  const seed = parseInteger(0, 0xffff_ffff, "a number");
  assert.equal(seed("4294967295"), 0xffff_ffff);
  for (const text of ["", "1.5", "-1", "4294967296", "1e3"])
    assert.throws(() => seed(text), InvalidArgumentError, text);
});

test("the URL that is named is the grant", () => {
  assert.equal(grantFor("http://example.com/a/b"), "example.com:80");
  assert.equal(grantFor("http://EXAMPLE.com:8080"), "example.com:8080");
  assert.equal(grantFor("example.com/file"), "example.com:80");
  assert.equal(grantFor("localhost:9000/x"), "localhost:9000");
  assert.equal(grantFor("http://127.0.0.1:9000/x"), "127.0.0.1:9000");
  // The same notation as browsers': there is no other address behind it than the one granted.
  assert.equal(grantFor("http://0x7f.1/"), "127.0.0.1:80");
  for (const text of ["", "http://", "https://example.com", "ftp://x", "http://[::1]/", "file:///etc/passwd"]) {
    assert.throws(() => grantFor(text), { name: "UsageError" }, text);
  }
});

test("a size is a number of bytes, or of K, M or G", () => {
  assert.equal(parseSize("512M"), 512 << 20);
  assert.equal(parseSize("1.5g"), 1.5 * 2 ** 30);
  assert.equal(parseSize("64MiB"), 64 << 20);
  assert.equal(parseSize("33554432"), 32 << 20);
  for (const wrong of ["", "M", "12T", "-1G", "1 2M", "512", "15M"])
    assert.throws(() => parseSize(wrong), InvalidArgumentError, wrong);
});
