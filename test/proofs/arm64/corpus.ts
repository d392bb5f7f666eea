/**
 * Uses of busybox's applets, each a line for a shell in which `bb` runs busybox, with inputs that are made from a seed. What they
 * print does not depend on where or when they run.
 */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomNumbers } from "./programs.ts";

export const CORPUS: readonly string[] = [
  // Sorting and comparing lines
  "bb sort words",
  "bb sort -r words",
  "bb sort -u words",
  "bb sort -n numbers",
  "bb sort -rn numbers",
  "bb sort -t , -k 2n table.csv",
  "bb sort -t , -k 3,3r -k 1n table.csv",
  "bb sort -c sorted1 && bb echo sorted",
  "bb sort -c words",
  "bb sort words | bb uniq -c",
  "bb sort words | bb uniq -d",
  "bb sort words | bb uniq -u",
  "bb comm sorted1 sorted2",
  "bb comm -12 sorted1 sorted2",
  "bb comm -3 sorted1 sorted2",
  "bb diff text changed",
  "bb diff -u text changed | bb tail -n +3",
  "bb diff -r tree tree && bb echo equal",
  "bb cmp text changed",
  "bb cmp -l text changed",
  "bb diff -u text changed > out.patch; bb cp text patched; bb patch patched < out.patch; bb cmp patched changed && bb echo same",
  // sed
  "bb sed -n '3,7p' text",
  "bb sed 's/[aeiou]/<&>/g' text",
  "bb sed -E 's/([a-z]+) ([a-z]+)/\\2 \\1/' text",
  "bb sed '/^a/d; s/e$/E/; y/abc/xyz/' words",
  "bb sed -n '/b/,/d/{=;p}' words",
  "bb sed '1!G;h;$!d' sorted1",
  "bb sed 'N;s/\\n/ + /' words",
  "bb sed -e ':again' -e 's/^\\(-*[0-9]\\{1,\\}\\)\\([0-9]\\{3\\}\\)/\\1,\\2/' -e 't again' numbers",
  "bb sed '2q' text; bb sed '$!N;P;D' words",
  "bb cp text edited; bb sed -i -e '1i before' -e '$a after' edited; bb cat edited",
  // awk
  "bb awk -F, '{ sum += $2 } END { print NR, sum }' table.csv",
  "bb awk -F, '{ total[$3] += $2; count[$3]++ } END { for (k in total) printf \"%s %.3f\\n\", k, total[k] / count[k] }' table.csv | bb sort",
  "bb awk '{ print length($0), toupper(substr($0, 2, 4)) }' text",
  'bb awk \'{ for (i = NF; i > 0; i--) printf "%s ", $i; print "" }\' text',
  "bb awk 'BEGIN { for (i = 0; i < 20; i++) print sin(i), cos(i), exp(i / 4), log(i + 1), sqrt(i), atan2(i, 3), int(i / 3) }'",
  "bb awk 'BEGIN { for (i = -5; i < 40; i++) printf \"%d %5.2f %e %g %x %c\\n\", i, i / 7, i * 1e10 / 3, i ^ 3, i * i, 65 + i % 26 }'",
  "bb awk '{ n = split($0, part, /[aeiou]+/); print n, part[1]; gsub(/[^a-z]/, \"_\"); print; print match($0, /t.*e/), RSTART, RLENGTH }' text",
  "bb awk 'function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } BEGIN { print fib(16) }'",
  'bb awk \'NR % 2 { print NR ": " $1 > "odd" } END { close("odd"); while ((getline line < "odd") > 0) n++; print n }\' text',
  "bb awk '$1 > 0 { s += $1; q += $1 * $1 } END { print s / NR, sqrt(q / NR - (s / NR) ^ 2) }' numbers",
  'bb awk \'BEGIN { srand(7); x = rand(); srand(7); print x == rand(), index("hello", "ll"), sprintf("%-8s|%08.3f", "ab", 3.14159) }\'',
  // grep
  "bb grep -n the text",
  "bb grep -c a words",
  "bb grep -v -i A words",
  "bb grep -E '^(b|c).*(d|e)$' words",
  "bb grep -o '[aeiou][^aeiou]*' text",
  "bb grep -w -F -f sorted1 text",
  "bb grep -r -l a tree | bb sort",
  "bb grep -A 1 -B 1 zebra text; bb grep -q the text && bb echo yes; bb grep nowhere text",
  "bb egrep -x '[a-m]+' words; bb fgrep -i THE text | bb wc -l",
  // Cutting, joining, changing characters
  "bb cut -d , -f 2,4 table.csv",
  "bb cut -c 3-8 text",
  "bb cut -b 1,5,7- text",
  "bb tr a-z A-Z < text",
  "bb tr -d aeiou < text",
  "bb tr -s '[:space:]' '\\n' < text | bb head -n 40",
  "bb tr -c '[:alnum:]' _ < text",
  "bb paste words numbers | bb head -n 30",
  "bb paste -s -d ,: sorted1",
  "bb fold -w 20 text",
  "bb fold -s -w 30 text",
  "bb expand -t 4 tabs; bb unexpand -a tabs",
  "bb nl text | bb head",
  "bb rev text",
  "bb tac text",
  "bb head -c 100 binary | bb od -c",
  "bb tail -c 33 binary | bb xxd",
  "bb tail -n 5 text; bb tail -n +20 text; bb head -n -5 text",
  'bb split -l 10 words part.; for f in part.*; do bb wc "$f"; done',
  "bb wc text words numbers binary",
  "bb cat -A tabs; bb cat -n text | bb head -n 3",
  "bb strings binary | bb head -n 50",
  "bb tee copy < text | bb wc -c; bb cmp copy text",
  "bb dos2unix < text | bb unix2dos | bb od -An -tx1 | bb head",
  "bb shuf -e only; bb shuf -i 5-5",
  // Dumps and encodings
  "bb od binary | bb head -n 40",
  "bb od -A x -t x4 -N 200 binary",
  "bb od -t d2 -j 64 -N 160 binary",
  "bb od -t f8 -N 512 binary",
  "bb od -t f4 -N 512 binary",
  "bb hexdump -C binary | bb head -n 60",
  'bb hexdump -e \'4/2 "%04x " "\\n"\' -n 320 binary',
  "bb xxd -p binary | bb head; bb xxd -r -p hex | bb od -c",
  "bb base64 binary",
  "bb base64 binary | bb base64 -d | bb cmp - binary && bb echo same",
  "bb uuencode -m name < text; bb uuencode name < text | bb uudecode -o - | bb cmp - text && bb echo same",
  // Sums
  "bb md5sum binary text words",
  "bb sha1sum binary text words",
  "bb sha256sum binary text words",
  "bb sha512sum binary text words",
  "bb sha3sum binary text words",
  "bb sum binary; bb cksum binary text; bb crc32 binary",
  "bb sha256sum text words > sums; bb sha256sum -c sums",
  // Compression: what is made, and what comes back
  "bb gzip -n -c text | bb sha256sum",
  "bb gzip -n -9 -c big | bb sha256sum",
  "bb gzip -c big | bb gunzip | bb cmp - big && bb echo same",
  "bb bzip2 -c big | bb sha256sum",
  "bb bzip2 -c big | bb bunzip2 | bb cmp - big && bb echo same",
  "bb gzip -dc < broken.gz; bb bunzip2 -c < text",
  "bb gzip -c big | bb zcat | bb md5sum; bb bzip2 -c words | bb bzcat | bb md5sum",
  "bb xz -dc hello.xz; bb unxz < hello.xz; bb xzcat hello.xz",
  // Archives and trees
  "bb tar -cf tree.tar tree; bb tar -tf tree.tar | bb sort; bb mkdir -p into; bb tar -xf tree.tar -C into; bb diff -r tree into/tree && bb echo same",
  "bb tar -cf - tree | bb gzip > tree.tgz; bb tar -tzf tree.tgz | bb sort; bb tar -xzOf tree.tgz tree/a/1 | bb md5sum",
  "bb find tree | bb sort | bb cpio -o -H newc > tree.cpio; bb cpio -t < tree.cpio",
  "bb mkdir -p out; (cd out && bb cpio -i -d < ../tree.cpio); bb diff -r tree out/tree && bb echo same",
  "bb find tree -type f -name '*1*' | bb sort",
  "bb find tree -type f -size +1k | bb sort; bb find tree -maxdepth 1 -type d | bb sort",
  "bb find tree -type f | bb sort | bb xargs $BB md5sum",
  "bb find tree -type f -exec $BB wc -c {} ';' | bb sort",
  "bb find tree -type f -print0 | bb sort -z | bb xargs -0 -n 2 $BB echo",
  "bb seq 1 50 | bb xargs -n 7 $BB echo row; bb echo a b c | bb xargs -I @ $BB echo '<@>'",
  "bb cp -r tree copied; bb rm -r copied/a; bb ls -R copied; bb diff -rq tree copied",
  "bb mkdir -p x/y/z && bb rmdir -p x/y/z; bb ls -d x; bb touch -d '2020-02-02 02:02:02' t; TZ=UTC bb stat -c '%n %s %F %a %y' t",
  "bb ln -s text link; bb readlink link; bb ln text hard; bb stat -c '%h %F' hard link; bb mv hard renamed; bb ls renamed hard",
  "bb chmod 640 words; bb stat -c %A words; bb chmod u+x,g-r,o=w words; bb stat -c %a words; bb test -x words && bb echo x",
  "bb dd if=binary bs=100 skip=3 count=7 2>/dev/null | bb md5sum; bb dd if=/dev/zero bs=1k count=64 2>/dev/null | bb md5sum",
  "bb truncate -s 5000 grown; bb wc -c grown; bb md5sum grown; bb basename /a/b.txt .txt; bb dirname /a/b/c",
  "bb du -a -b tree 2>/dev/null | bb grep -c . ; bb realpath -- tree/../words | bb sed 's,.*/,,'; bb mktemp -u x.XXXXXX | bb wc -c",
  // Arithmetic
  "bb bc < sums.bc",
  "bb echo 'scale=60; 4 * a(1); e(1); s(1); l(10); j(2, 3); sqrt(2)' | bb bc -l",
  "bb echo '2^521 - 1; 3^200 % 10007; 1000000007 * 998244353; ibase=16; FF * FF' | bb bc",
  "bb dc -e '30 k 2 v p 7 3 / p 2 100 ^ p [la 1 + d sa p 5 >b] sb 0 sa lb x'",
  "for n in 1 2 97 360 65537 1234567890 18446744073709551557; do bb factor $n; done",
  "bb expr 7 '*' 6; bb expr length akuma; bb expr substr akuma 2 3; bb expr a : '\\(.\\)'; bb expr 17 % 5 '<' 3",
  "bb seq 0 0.25 3; bb seq -w 8 12; bb seq -s , 10 -3 1",
  "bb printf '%5d|%-5s|%05.1f|%x|%o|%c|%b|%e\\n' 42 ab 3.14159 255 8 Z 'a\\tb' 12345.678 -1 '' 1e300 4096 7 yes 'x\\n' 0.1",
  "bb printf '%s %q\\n' a 'b c'; bb printf '%d\\n' 0x1f 010 \"'A\"; bb printf '%.20g %a\\n' 0.1 0.1",
  // Dates and the rest
  "TZ=UTC bb date -d @1234567890 '+%Y-%m-%d %H:%M:%S %j %a %B %u %s'",
  "TZ=UTC bb date -d '2024-02-29 12:34:56' +%s; TZ=EST5EDT bb date -d @1700000000; TZ=CET-1CEST,M3.5.0,M10.5.0/3 bb date -R -d @1720000000",
  "bb cal 2 2024; bb cal 9 1752",
  "bb ipcalc -n -b -p 192.168.77.13/20; bb ipcalc -m 10.1.2.3",
  "bb echo -e 'a\\tb\\x41\\0101'; bb env -i A=1 B=2 $BB env | bb sort; bb yes y | bb head -n 4; bb true; bb false",
  "bb test 5 -gt 3 && bb test abc '<' abd && bb test ! -e nowhere && bb echo true; bb [ 1 -eq 2 ]",
  "bb ed -s ed-text < ed-script 2>&1 || bb cat ed-text; bb getopt -o ab: -- -a -b x y; bb timeout 5 $BB echo in time; bb nproc > /dev/null",
  "bb awk 'BEGIN { while (i++ < 3000) print i, i * i % 977 }' | bb sort -k 2n -k 1nr | bb awk 'NR % 100 == 0' | bb tr '\\n' ';' | bb md5sum",
  "bb cat words words words | bb tr -d '\\n' | bb fold -w 7 | bb sort | bb uniq -c | bb sort -k 1nr -k 2 | bb head -n 20 | bb sed 's/^ *//' | bb cut -d ' ' -f 2",
];

const SEED = 20_260;

/** Writes what the corpus reads into a folder. */
export function writeInputs(folder: string): void {
  const random = randomNumbers(SEED);
  const files = new Map<string, string | Buffer>();
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  const word = (): string =>
    Array.from({ length: 2 + random(7) }, () => letters[Math.min(random(26), random(26))] ?? "e").join("");
  const lines = (count: number, line: () => string): string => `${Array.from({ length: count }, line).join("\n")}\n`;
  const words = Array.from({ length: 300 }, () => (random(3) === 0 ? "the" : word()));
  files.set(
    "words",
    lines(words.length, () => words[random(words.length)] ?? ""),
  );
  files.set("sorted1", `${[...new Set(words.slice(0, 150))].sort().join("\n")}\n`);
  files.set("sorted2", `${[...new Set(words.slice(75))].sort().join("\n")}\n`);
  files.set(
    "numbers",
    lines(200, () => String(random(2_000_000) - 1_000_000)),
  );
  files.set(
    "table.csv",
    lines(120, () => [random(1000), (random(1e6) / 997).toFixed(4), word()[0], word()].join(",")),
  );
  const text = Array.from({ length: 60 }, () => Array.from({ length: 3 + random(9) }, word).join(" "));
  text[30] = "a zebra in the text";
  files.set("text", `${text.join("\n")}\n`);
  const changed = [...text];
  changed.splice(10, 2, "two lines are one now");
  changed.splice(40, 0, "one line more", "and another");
  changed[50] = `${changed[50]} with an end`;
  files.set("changed", `${changed.join("\n")}\n`);
  files.set(
    "tabs",
    lines(20, () => `${word()}\t${word()}\t\t${word()}        ${word()}`),
  );
  files.set("hex", "48656c6c6f2c20776f726c640a\n");
  files.set("binary", Buffer.from(Array.from({ length: 20_000 }, () => random(256))));
  files.set(
    "big",
    lines(12_000, () => `${words[random(300)]} ${words[random(300)]} ${random(100)}`),
  );
  files.set("broken.gz", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 1, 2, 3]));
  // "hello\n", as xz 5.4 packs it.
  files.set(
    "hello.xz",
    Buffer.from("/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAAAApWCX8ZT2/eAAAR4GwS+kHR+2830BAAAAAARZWg==", "base64"),
  );
  files.set(
    "sums.bc",
    lines(60, () => `${random(1e9) - 5e8} * ${random(1e9)} / ${1 + random(9999)} + ${random(1e6) / 100}`),
  );
  files.set("ed-text", `${text.slice(0, 10).join("\n")}\n`);
  files.set("ed-script", "2d\n4s/e/E/\n1,3p\n$p\nw\nq\n");
  mkdirSync(join(folder, "tree/a/b"), { recursive: true });
  mkdirSync(join(folder, "tree/empty"));
  for (const [name, size] of [
    ["1", 10],
    ["a/1", 3000],
    ["a/21", 0],
    ["a/b/x", 1],
    ["a/b/long name 1", 700],
  ] as const)
    files.set(`tree/${name}`, Buffer.from(Array.from({ length: size }, () => 97 + random(26))));
  for (const [name, contents] of files) {
    writeFileSync(join(folder, name), contents);
    utimesSync(join(folder, name), SEED, SEED);
  }
}

/**
 * The whole corpus as one script. It runs in a folder with the inputs, with BB in the environment as what starts busybox, and leaves
 * in the folder OUT for each line its number, and there what it wrote and its status.
 */
export function corpusScript(): string {
  const parts = CORPUS.map(
    (line, index) =>
      `( ${line}\n) >"$OUT/${index}.out" 2>"$OUT/${index}.err" </dev/null\necho "status $?" >>"$OUT/${index}.out"`,
  );
  return `bb() { $BB "$@"; }\n${parts.join("\n")}\n`;
}
