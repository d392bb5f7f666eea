# What a POSIX shell can do without programs of its own: run by busybox sh here and elsewhere, the output compared.
echo "$# arguments, the second: $2"
set -- a 'b c' d
for each in "$@"; do printf '[%s]' "$each"; done
echo

# Pipes and here documents
cat <<END | tr a-z A-Z | sed 's/L/l/g'
hello $((1 + 2)) $(echo from a substitution)
END
cat <<'END'
not expanded: $HOME $(echo no)
END
seq 1 20000 | while read -r number; do echo "$number"; done | tail -n 1
yes | head -n 3
seq 1 5 | { read -r first; echo "first $first"; cat; } | wc -l
true | false | true
echo "status $?"

# Subshells keep what they set
value=outer
(value=inner; echo "$value"; exit 3)
echo "status $? value $value"
echo "$( (echo nested; exit 5) )" "$?"

# Redirection
file=/tmp/akuma-shell-proof.$$
{ echo out; echo err >&2; } >"$file" 2>&1
cat "$file"
echo appended >>"$file"
wc -l <"$file"
exec 5<"$file"
read -r line <&5
read -r next <&5
exec 5<&-
echo "$line/$next"
rm "$file"
cat "$file" 2>/dev/null || echo gone

# Functions, case, arithmetic, parameter expansion
factorial() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi; }
factorial 12
for word in apple.txt banana.tar.gz cherry; do
  case $word in
    *.tar.*) echo "archive ${word%%.*}" ;;
    *.txt) echo "text ${word%.txt} ${#word}" ;;
    *) echo "other ${word:-none} ${unset:-default}" ;;
  esac
done
echo $((0x7fffffffffffffff)) $((-7 / 2)) $((-7 % 3)) $((1 << 40)) $((5 > 3 && 2 > 3))
i=0
while :; do i=$((i + 1)); [ $i -eq 3 ] && continue; [ $i -gt 5 ] && break; printf '%d ' $i; done
echo
getopts ab:c option -b value -a && echo "$option $OPTARG"

# Jobs in the background
(sleep 0; exit 9) &
wait $!
echo "waited for $?"
sleep 1000 &
kill -TERM $!
wait $! 2>/dev/null
echo "killed: $?"
for each in 1 2 3 4 5 6 7 8; do (exit $each) & done
wait
echo "all done: $?"

# Traps and signals
trap 'echo caught USR1' USR1
kill -USR1 $$
(trap 'echo subshell leaves' EXIT; echo in subshell)
trap '' TERM
kill -TERM $$
echo ignored TERM
trap - TERM
set -e
(false; echo not reached) || echo "errexit in a list is off"
set +e
if (set -e; false; echo not reached); then echo then; else echo else; fi
eval 'echo "evaluated $value"'
command -v cd
umask 027
umask
cd / && pwd
trap 'echo the end' EXIT
exit 42
