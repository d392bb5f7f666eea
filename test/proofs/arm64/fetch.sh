#!/bin/sh
# Fetches programs for Linux/arm64 that others have built, into a folder: Debian's packages unpacked into FOLDER/root, a busybox in
# FOLDER/busybox, and programs that npm packages ship in FOLDER/npm. Needs apt with the arm64 architecture, dpkg, and npm.
#
#     test/proofs/arm64/fetch.sh FOLDER
set -eu
folder=$1
if [ -e "$folder/complete" ]; then exit 0; fi
rm -rf "$folder"
mkdir -p "$folder/packages" "$folder/root" "$folder/npm"
cd "$folder/packages"
names="curl wget nginx redis-server redis-tools sqlite3 openssl python3-minimal bash coreutils netcat-openbsd base-files base-passwd iperf3"
wanted=""
for name in $names; do wanted="$wanted $name:arm64"; done
all=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $wanted |
  grep '^[a-z0-9].*:arm64$' | sort -u)
# Some names are of packages that are not to be had: what can be is enough if the programs are there at the end.
apt-get download -qq busybox-static:arm64 $wanted
apt-get download -qq $all || true
dpkg-deb -x busybox-static_*.deb "$folder/unpacked"
cp "$folder/unpacked/bin/busybox" "$folder/busybox"
rm -rf "$folder/unpacked" busybox-static_*.deb
for package in *.deb; do dpkg-deb -x "$package" "$folder/root"; done
mkdir -p "$folder/root/tmp" "$folder/root/var/www"
cd "$folder/npm"
for package in @esbuild/linux-arm64 @pagefind/linux-arm64; do
  archive=$(npm pack --silent "$package")
  name=$(basename "$package")-$(dirname "$package" | tr -d @)
  mkdir "$name"
  tar -xzf "$archive" -C "$name"
done
for program in bash curl wget redis-server redis-cli sqlite3 openssl python3; do test -e "$folder/root/usr/bin/$program" -o -e "$folder/root/bin/$program"; done
test -e "$folder/root/usr/sbin/nginx"
touch "$folder/complete"
