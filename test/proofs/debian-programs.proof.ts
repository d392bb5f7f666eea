/**
 * Debian's bash, sqlite3, python3 and curl for arm64 with Debian's own libc, unmodified, among themselves and with the kernel's own
 * programs in TypeScript.
 * Linux only. Needs qemu-user-static and apt. Run it with:  ./node_modules/.bin/node test/proofs/debian-programs.proof.ts
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debian, inDebian } from "./arm64/programs.ts";
import { akuma, holds, root, run, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();

await bash();
await sqlite();
await python();
await withTypeScript();

/** Under QEMU the programs of Debian's folder run on the host's files. */
function underQemu(program: string, argumentList: readonly string[], input: string): ReturnType<typeof run> {
  return run("qemu-aarch64-static", ["-L", debian, join(debian, program), ...argumentList], { input });
}

async function bash(): Promise<void> {
  const script = `${readFileSync(join(root, "test/proofs/arm64/shell.sh"), "latin1").replace("exit 42", "")}
declare -A count; for word in b a b c b; do ((count[$word]++)); done; echo "\${count[b]} \${#count[@]}"
[[ "akuma-42" =~ ^([a-z]+)-([0-9]+)$ ]] && echo "\${BASH_REMATCH[2]} \${BASH_REMATCH[1]^^}"
mapfile -t lines < <(printf 'x\\ny\\nz\\n'); echo "\${lines[*]:1}"; printf '%q %(%Y)T\\n' 'a b' 0
coproc { while read -r line; do echo "<$line>"; done; }
echo hello >&"\${COPROC[1]}"; read -r answer <&"\${COPROC[0]}"; echo "$answer"
set -o pipefail; false | true; echo "$? \${PIPESTATUS[@]}"
exit 42
`;
  const argumentList = ["--norc", "-s", "first", "second argument"];
  const ours = await akuma(inDebian([], "bash", ...argumentList), { input: script });
  const theirs = await underQemu("bin/bash", argumentList, script);
  assert.equal(ours.stdout, theirs.stdout, ours.stderr);
  assert.equal(ours.code, 42);
  assert.match(ours.stdout, /^3 3\n42 AKUMA\n/m);
  holds("bash: pipes, here documents, process substitution, coprocesses, jobs, traps: as under QEMU");
}

async function sqlite(): Promise<void> {
  // Two processes write in turns, a third reads meanwhile; the index of the write-ahead log is memory that they share.
  const script = `
cd /tmp
sqlite3 shared.db 'PRAGMA journal_mode=WAL; CREATE TABLE entry (writer INTEGER, number INTEGER, text TEXT);'
writer() {
  for number in $(seq 1 12); do
    echo "BEGIN IMMEDIATE; INSERT INTO entry VALUES ($1, $number, hex(randomblob(200))); COMMIT;"
  done | sqlite3 -cmd '.timeout 60000' shared.db || echo "writer $1 failed"
}
(echo 'SELECT count(*) >= 0 FROM entry;'; sleep 1; echo 'SELECT count(*) >= 0 FROM entry;') | sqlite3 shared.db &
writer 1 & writer 2 &
wait
sqlite3 shared.db 'SELECT writer, count(*), sum(number) FROM entry GROUP BY writer; PRAGMA integrity_check; PRAGMA wal_checkpoint;'
`;
  const { code, stdout, stderr } = await akuma(inDebian([], "bash", "-c", script));
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "wal\n1\n1\n1|12|78\n2|12|78\nok\n0|0|0\n", stderr);
  const query = `
CREATE TABLE number AS WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value, value * value % 97 AS rest FROM n;
CREATE INDEX by_rest ON number (rest, value);
SELECT rest, count(*), avg(value), max(sqrt(value)) FROM number GROUP BY rest HAVING count(*) > 50 ORDER BY 2 DESC, 1 LIMIT 12;
SELECT sum(a.value * b.value) FROM number a JOIN number b ON a.rest = b.rest WHERE a.value < 300 AND b.value < 300;
SELECT printf('%.15g %s', 1 / 3.0, json_object('a', json_array(1, 2.5, 'x'))), round(exp(1), 12), strftime('%Y-%m-%d', 86400 * 365, 'unixepoch');
`;
  const ours = await akuma(inDebian([], "sqlite3"), { input: query });
  const theirs = await underQemu("usr/bin/sqlite3", [], query);
  assert.equal(ours.stdout, theirs.stdout, ours.stderr);
  assert.ok(theirs.stdout.length > 300);
  holds("sqlite3: two processes write to one database with a write-ahead log; queries answered as under QEMU");
}

async function python(): Promise<void> {
  const program = `
import hashlib, json, math, os, re, struct, subprocess, threading, zlib, sqlite3, decimal, random, socket, queue
random.seed(7)
data = bytes(random.randrange(256) for _ in range(50000))
print(hashlib.sha256(data).hexdigest(), hashlib.blake2b(data).hexdigest()[:20], zlib.crc32(data), len(zlib.compress(data * 3)))
print(json.dumps({"pi": math.pi, "floats": [math.exp(x / 7) * math.sin(x) for x in range(8)]}))
print(sum(math.fsum([0.1] * 10) for _ in range(5)), decimal.Decimal(2).sqrt(), 3 ** 200 % 10 ** 30, struct.pack("<dfq", 1.5, 2.5, -3).hex())
results = queue.Queue()
threads = [threading.Thread(target=lambda n=n: results.put(n * n)) for n in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(results.queue))
print(re.sub(r"(\\w+) (\\w+)", r"\\2 \\1", "hello world again there"), sorted("zebra apple".split()))
left, right = socket.socketpair()
if os.fork() == 0:
    left.close(); right.sendall(b"from the child"); os._exit(3)
right.close(); print(left.recv(100), os.waitstatus_to_exitcode(os.wait()[1]))
base = sqlite3.connect(":memory:"); base.execute("create table t(x)"); base.executemany("insert into t values(?)", [(i,) for i in range(100)])
print(base.execute("select sum(x) from t").fetchone())
try: 1 / 0
except ZeroDivisionError as error: print(repr(error))
`;
  writeFileSync(join(folder, "program.py"), program);
  const ours = await akuma(inDebian(["--mount", `${folder}:/proof`], "python3", "/proof/program.py"));
  const theirs = await run(
    "qemu-aarch64-static",
    ["-L", debian, join(debian, "usr/bin/python3.11"), join(folder, "program.py")],
    { env: { ...process.env, PYTHONHOME: join(debian, "usr"), PYTHONDONTWRITEBYTECODE: "1" } },
  );
  assert.equal(ours.code, 0, ours.stderr);
  assert.equal(ours.stdout, theirs.stdout, theirs.stderr);
  assert.match(ours.stdout, /ZeroDivisionError/);
  holds("python3: hashes, floats, threads, fork, sockets, sqlite: as under QEMU");
}

async function withTypeScript(): Promise<void> {
  // /bin/httpd is a program in TypeScript; a program in machine code starts it, talks to it, and ends it.
  const script = `
mkdir /srv && head -c 3000000 /dev/urandom >/srv/data && echo 'of TypeScript' >/srv/index.html
httpd -p 81 /srv >/dev/null & server=$!
until curl -sS -o /dev/null http://127.0.0.1:81/ 2>/dev/null; do sleep 0.1; done
curl -sS http://127.0.0.1:81/
curl -sS http://127.0.0.1:81/data | cmp - /srv/data && echo equal
curl -sS -I http://localhost:81/ | head -n 1
kill $server; wait $server; echo "ended with $?"
python3 -m http.server 82 --directory /srv 2>/dev/null & server=$!
until curl -sS -o /dev/null http://127.0.0.1:82/ 2>/dev/null; do sleep 0.1; done
wget -q -O - http://127.0.0.1:82/index.html
cd /tmp && /usr/lib/akuma/bin/wget http://127.0.0.1:82/data fetched >/dev/null 2>&1; cmp fetched /srv/data && echo equal
kill $server`;
  const { code, stdout, stderr } = await akuma(inDebian([], "bash", "-c", script));
  assert.equal(stdout, "of TypeScript\nequal\nHTTP/1.1 200 OK\r\nended with 0\nof TypeScript\nequal\n", stderr);
  assert.equal(code, 0, stderr);
  holds("curl in machine code fetches from /bin/httpd in TypeScript, and /bin/wget in TypeScript from python3");
}
