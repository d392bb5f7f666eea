/** The small programs on a real kernel: what they print and how they exit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../kernel.fixture.ts";
import { programs } from "./index.ts";

const folder = (world: World): void => {
  world.kernel.writeFile("/tmp/f/b.txt", "two\nlines\n");
  world.kernel.writeFile("/tmp/f/a", "x".repeat(1500), 0o755);
  world.kernel.writeFile("/tmp/f/.hidden", "");
};

async function shell(world: World, line: string, stdin = ""): Promise<[number | null, string, string]> {
  const [name = "", ...words] = line.split(" ");
  const { code, stdout, stderr } = await world.run(name, words, { stdin });
  return [code, stdout, stderr];
}

/** A World with folders needs them made first: by a program, as everything here. */
async function worldWithFiles(): Promise<World> {
  const world = new World();
  assert.equal((await world.run("mkdir", ["-p", "/tmp/f/sub"])).code, 0);
  folder(world);
  return world;
}

test("every program starts, and says what it expects of its options", async () => {
  using world = new World();
  const without = new Set(["echo", "env", "false", "hostname", "nc", "pwd", "sleep", "true"]);
  for (const name of Object.keys(programs)) {
    assert.equal(typeof (await programs[name]?.())?.main, "function", name);
    if (without.has(name)) continue;
    const [code, , stderr] = await shell(world, `${name} --no-such-option`);
    assert.ok((code ?? 0) > 0, name);
    assert.match(stderr, /usage: |is unknown|invalid signal/, name);
  }
});

test("ls", async () => {
  using world = await worldWithFiles();
  assert.deepEqual(await shell(world, "ls /tmp/f"), [0, "a\nb.txt\nsub\n", ""]);
  assert.deepEqual(await shell(world, "ls -aF /tmp/f"), [0, "./\n../\n.hidden\na*\nb.txt\nsub/\n", ""]);
  assert.deepEqual(await shell(world, "ls -Sr /tmp/f/a /tmp/f/b.txt"), [0, "/tmp/f/b.txt\n/tmp/f/a\n", ""]);
  const [, long] = await shell(world, "ls -lA /tmp/f");
  assert.match(
    long,
    /^total \d+\n-rw-r--r-- 1 root root +0 Nov 14 22:13 \.hidden\n-rwxr-xr-x 1 root root 1500 Nov 14 22:13 a\n/,
  );
  assert.match(long, /\ndrwxr-xr-x 2 root root +\d+ Nov 14 22:13 sub\n$/);
  assert.match((await shell(world, "ls -lh /tmp/f/a"))[1], / 1\.5K /);
  assert.match((await shell(world, "ls -l /dev/null"))[1], /^crw-rw-rw- 1 root root 1, 3 /);
  assert.deepEqual(await shell(world, "ls -R /tmp/f"), [0, "/tmp/f:\na\nb.txt\nsub\n\n/tmp/f/sub:\n", ""]);
  assert.deepEqual(await shell(world, "ls -d /tmp/f"), [0, "/tmp/f\n", ""]);
  const missing = await shell(world, "ls /nope /tmp/f/a");
  assert.deepEqual(missing, [2, "/tmp/f/a\n", "ls: cannot access '/nope': No such file or directory\n"]);
});

test("cat and echo", async () => {
  using world = await worldWithFiles();
  assert.deepEqual(await shell(world, "cat /tmp/f/b.txt - /tmp/f/b.txt", "in\n"), [
    0,
    "two\nlines\nin\ntwo\nlines\n",
    "",
  ]);
  assert.deepEqual(await shell(world, "cat", "only stdin"), [0, "only stdin", ""]);
  assert.deepEqual(await shell(world, "cat -n /tmp/f/b.txt"), [0, "     1\ttwo\n     2\tlines\n", ""]);
  assert.deepEqual(await shell(world, "cat /nope /tmp/f"), [
    1,
    "",
    "cat: /nope: No such file or directory\ncat: /tmp/f: Is a directory\n",
  ]);
  assert.deepEqual(await shell(world, "echo a  b -n"), [0, "a  b -n\n", ""]);
  assert.deepEqual(await shell(world, "echo -n a"), [0, "a", ""]);
  assert.deepEqual(await shell(world, "echo -e \\t\\x41\\\\n\\0101\\q"), [0, "\tA\\nA\\q\n", ""]);
  assert.deepEqual(await shell(world, "echo -e a\\cb"), [0, "a", ""]);
  assert.deepEqual(await shell(world, "echo a\\n"), [0, "a\\n\n", ""]);
});

test("mkdir, touch, cp, mv, ln, rm, rmdir", async () => {
  using world = await worldWithFiles();
  const good = async (...lines: string[]): Promise<void> => {
    for (const line of lines) assert.deepEqual(await shell(world, line), [0, "", ""], line);
  };
  const bad = async (line: string, expected: string): Promise<void> =>
    assert.deepEqual(await shell(world, line), [1, "", expected]);
  await good(
    "cp /tmp/f/a /tmp/f/b.txt /tmp/f/sub",
    "mv /tmp/f/sub/a /tmp/f/sub/c",
    "ln -s c /tmp/f/sub/link",
    "touch /tmp/f/sub/new",
  );
  assert.deepEqual((await shell(world, "ls -F /tmp/f/sub"))[1], "b.txt\nc*\nlink@\nnew\n");
  await good("cp -r /tmp/f /tmp/g", "rm /tmp/f/sub/b.txt");
  assert.deepEqual((await shell(world, "ls -F /tmp/g/sub"))[1], "b.txt\nc*\nlink@\nnew\n");
  assert.equal((await shell(world, "cat /tmp/g/sub/link"))[1].length, 1500);
  await bad("rmdir /tmp/g", "rmdir: failed to remove '/tmp/g': Directory not empty\n");
  await bad("rm /tmp/g", "rm: cannot remove '/tmp/g': Is a directory\n");
  await bad("rm /nope", "rm: cannot remove '/nope': No such file or directory\n");
  await bad("mkdir /tmp/g", "mkdir: cannot create directory '/tmp/g': File exists\n");
  await bad("cp /tmp/g /tmp/h", "cp: cannot copy '/tmp/g': -r not specified; omitting directory\n");
  await bad("cp -r /tmp/g /tmp/g/sub", "cp: cannot copy '/tmp/g': a folder cannot be copied into itself\n");
  await bad("cp /tmp/f/a /tmp/f/a", "cp: cannot copy '/tmp/f/a': they are the same file\n");
  await bad("rm -r /", "rm: cannot remove '/': refused\n");
  await good("rm -f /nope", "rm -rf /tmp/g", "ln -sf b.txt /tmp/f/sub/link", "touch -c /tmp/none");
  assert.equal((await shell(world, "ls /tmp"))[1], "f\n");
});

test("env, uname, hostname, pwd, sleep, true, false", async () => {
  using world = new World();
  assert.deepEqual(await shell(world, "env -i A=1 B=x=y env"), [0, "A=1\nB=x=y\n", ""]);
  assert.deepEqual(await shell(world, "env false"), [1, "", ""]);
  assert.deepEqual(await shell(world, "env nope"), [127, "", "env: 'nope': No such file or directory\n"]);
  assert.match((await shell(world, "env -u HOME"))[1], /^PATH=\/bin\n(?!.*HOME)/s);
  assert.deepEqual(await shell(world, "uname -sm"), [0, "Linux aarch64\n", ""]);
  assert.deepEqual(await shell(world, "hostname"), [0, "akuma\n", ""]);
  assert.equal((await world.run("pwd", [], { workingDirectory: "/tmp" })).stdout, "/tmp\n");
  const before = world.scheduler.clock.monotonicMilliseconds();
  assert.equal((await shell(world, "sleep 1.5 2m"))[0], 0);
  assert.ok(world.scheduler.clock.monotonicMilliseconds() - before >= 121_500);
  assert.equal((await shell(world, "sleep x"))[0], 1);
  assert.deepEqual([(await shell(world, "true"))[0], (await shell(world, "false"))[0]], [0, 1]);
});

test("ps and kill", async () => {
  using world = new World();
  const sleeper = world.start("sleep", ["infinity"]);
  await world.until(() => sleeper.process.parked.size > 0);
  const { processId } = sleeper.process;
  assert.match(
    (await shell(world, "ps"))[1],
    new RegExp(`^ +PID TTY +TIME CMD\n +${processId} \\? +00:00:00 /bin/sleep infinity\n`),
  );
  assert.match(
    (await shell(world, "ps aux"))[1],
    new RegExp(`\nroot +${processId} .* S +\\d\\d:\\d\\d 0:00 /bin/sleep infinity\n`),
  );
  assert.match((await shell(world, "ps -ef"))[1], /^UID +PID +PPID C STIME TTY +TIME CMD\n/);
  assert.equal((await shell(world, `kill -0 ${processId}`))[0], 0);
  assert.deepEqual(await shell(world, `kill -USR1 99999`), [1, "", "kill: (99999) - No such process\n"]);
  assert.equal((await shell(world, "kill -NOPE 1"))[0], 2);
  assert.equal((await shell(world, "kill x"))[0], 1);
  assert.match((await shell(world, "kill -l"))[1], /^HUP INT QUIT /);
  assert.deepEqual((await shell(world, "kill -l 137"))[1], "KILL\n");
  assert.equal((await shell(world, `kill -s HUP ${processId}`))[0], 0);
  assert.equal((await sleeper.exited).signal, "SIGHUP");
});

test("ping", async () => {
  using world = new World();
  const [code, stdout] = await shell(world, "ping -c 3 -i 0.5 -s 100 localhost");
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.equal(lines[0], "PING localhost (127.0.0.1) 100(128) bytes of data.");
  assert.match(lines[1] ?? "", /^108 bytes from 127\.0\.0\.1: icmp_seq=1 ttl=64 time=[\d.]+ ms$/);
  assert.equal(lines[5], "--- localhost ping statistics ---");
  assert.equal(lines[6], "3 packets transmitted, 3 received, 0% packet loss, time 1000ms");
  assert.match(lines[7] ?? "", /^rtt min\/avg\/max\/mdev = [\d./]+ ms$/);
  const unreachable = await shell(world, "ping -c 2 10.1.2.3");
  assert.equal(unreachable[0], 1);
  assert.match(unreachable[1], /2 packets transmitted, 0 received, \+2 errors, 100% packet loss/);
  assert.equal((await shell(world, "ping -c 1 no.such.host"))[0], 2);
  assert.equal((await shell(world, "ping -c 0 localhost"))[0], 2);
  assert.match(
    (await shell(world, "ping -w 3 -q localhost"))[1],
    /^PING .*\n\n--- localhost ping statistics ---\n3 packets transmitted, 3 received/,
  );
  const endless = world.start("ping", ["localhost"]);
  await world.until(() => endless.stdout().includes("icmp_seq=5"));
  endless.process.signals.raise(2);
  const ended = await endless.exited;
  assert.equal(ended.code, 0);
  assert.match(ended.stdout, /ping statistics/);
});

test("nc: both ways, half close, UDP", async () => {
  using world = new World();
  const server = world.start("nc", ["-l", "-p", "7000"], { stdin: "from the server" });
  await world.until(() => server.process.parked.size > 0);
  const client = await world.run("nc", ["localhost", "7000"], { stdin: "from the client" });
  assert.deepEqual([client.code, client.stdout], [0, "from the server"]);
  assert.equal((await server.exited).stdout, "from the client");
  assert.deepEqual(await shell(world, "nc localhost 7000"), [1, "", "nc: localhost 7000: Connection refused\n"]);
  assert.equal((await shell(world, "nc localhost"))[0], 1);

  // The client ends its half at once; what the server still has to say arrives.
  world.start(async (akuma) => {
    const listener = await akuma.net.TcpListener.bind("127.0.0.1:7001");
    const { stream } = await listener.accept();
    const request = await stream.readText();
    await akuma.sleep(5000);
    await stream.writeAll(request.repeat(100_000));
    stream.close();
  });
  const late = await world.run("nc", ["-v", "127.0.0.1", "7001"], { stdin: "abc" });
  assert.equal(late.stdout.length, 300_000);
  assert.equal(late.stderr, "nc: connection to 127.0.0.1:7001 succeeded\n");

  const listener = world.start("nc", ["-lu", "-w", "2", "7002"], { stdin: "pong" });
  await world.until(() => listener.process.parked.size > 0);
  const asking = await world.run("nc", ["-u", "-w", "1", "127.0.0.1", "7002"], { stdin: "ping" });
  assert.deepEqual([asking.code, asking.stdout, (await listener.exited).stdout], [0, "pong", "ping"]);
});

test("ss, netstat, ip, ifconfig", async () => {
  using world = new World();
  const server = world.start("httpd", ["-p", "8081"]);
  await world.until(() => server.stdout() !== "");
  const { processId } = server.process;
  const row = new RegExp(
    `^LISTEN +0 +\\d+ +0\\.0\\.0\\.0:8081 +0\\.0\\.0\\.0:\\* +users:\\(\\("httpd",pid=${processId},fd=3\\)\\)$`,
    "m",
  );
  assert.match((await shell(world, "ss -tlnp"))[1], row);
  assert.equal((await shell(world, "ss -H -tan state"))[0], 255);
  assert.match(
    (await shell(world, "netstat -tlnp"))[1],
    new RegExp(`^tcp +0 +0 0\\.0\\.0\\.0:8081 +0\\.0\\.0\\.0:\\* +LISTEN ${processId}/httpd$`, "m"),
  );
  const established = await world.inside(async (akuma) => {
    using _ = await akuma.net.TcpStream.connect("127.0.0.1:8081");
    const ends = akuma.pipe2() as [number, number];
    const child = await akuma.spawn({ path: "/bin/ss", arguments: ["ss", "-tn"], files: [[1, ends[1]]] });
    akuma.close(ends[1]);
    const block = akuma.allocate(4096);
    const count = await akuma.read_fd(ends[0], block);
    await akuma.wait4(child);
    return new TextDecoder().decode(block.slice(0, count));
  });
  assert.equal(established.match(/^ESTAB/gm)?.length, 2, established);
  assert.match(
    (await shell(world, "ip addr"))[1],
    /^1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 .*\n +link\/loopback 00:00:00:00:00:00 .*\n +inet 127\.0\.0\.1\/8 scope host lo\n/,
  );
  assert.match((await shell(world, "ip -br a"))[1], /^lo +UNKNOWN +127\.0\.0\.1\/8/);
  assert.deepEqual(await shell(world, "ip addr add x"), [2, "", "RTNETLINK answers: Operation not permitted\n"]);
  assert.equal((await shell(world, "ip link show dev nope"))[0], 1);
  assert.match(
    (await shell(world, "ifconfig lo"))[1],
    /^lo: flags=73<UP,LOOPBACK,RUNNING> {2}mtu 65536\n {8}inet 127\.0\.0\.1 {2}netmask 255\.0\.0\.0\n/,
  );
  assert.equal((await shell(world, "ifconfig nope"))[0], 1);
});
