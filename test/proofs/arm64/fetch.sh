#!/bin/sh
# Fetches programs for Linux/arm64 that others have built, into a folder: Debian's packages unpacked into FOLDER/root, a busybox in
# FOLDER/busybox, and programs that npm packages ship in FOLDER/npm. Needs apt with the arm64 architecture, dpkg, and npm.
#
#     test/proofs/arm64/fetch.sh FOLDER
set -eu
# The version that the project has for its own machine, so that what the two make can be compared.
esbuild=$(sed -n '/"node_modules\/esbuild": {/,/}/s/.*"version": "\(.*\)".*/\1/p' "$(dirname "$0")/../../../package-lock.json")
# Another list of programs is another folder's contents.
list=$(cksum <"$0")
mkdir -p "$1"
folder=$(cd "$1" && pwd)
if [ "$(cat "$folder/complete" 2>/dev/null)" = "$list" ]; then exit 0; fi
rm -rf "$folder/complete" "$folder/packages" "$folder/root" "$folder/npm"
mkdir -p "$folder/packages" "$folder/root" "$folder/npm"

# The programs, then the libraries that they load, named one by one: what the packages depend on beyond that is not needed here.
programs="busybox-static curl wget nginx redis-server redis-tools sqlite3 openssl bash dash coreutils sed grep diffutils iperf3 netcat-openbsd
base-files base-passwd
python3-minimal python3.11-minimal libpython3.11-minimal libpython3.11-stdlib"
libraries="libacl1 libatomic1 libattr1 libbrotli1 libbsd0 libbz2-1.0 libc6 libcap2 libcom-err2 libcrypt1 libcurl4 libexpat1 libffi8 libgcc-s1
libgcrypt20 libgmp10 libgnutls30 libgpg-error0 libgssapi-krb5-2 libhogweed6 libidn2-0 libiperf0 libjemalloc2 libk5crypto3 libkeyutils1
libkrb5-3 libkrb5support0 libldap-2.5-0 liblz4-1 liblzf1 liblzma5 libmd0 libnettle8 libnghttp2-14 libp11-kit0 libpcre2-8-0 libpsl5
libreadline8 librtmp1 libsasl2-2 libsctp1 libselinux1 libsqlite3-0 libssh2-1 libssl3 libstdc++6 libsystemd0 libtasn1-6 libtinfo6
libunistring2 libuuid1 libzstd1 zlib1g"

# Package servers have bad moments, and answer several at once faster than one after another.
download() {
  for try in 1 2 3 4; do
    if apt-get download -qq "$@" 2>"$folder/download.$1.log"; then
      rm "$folder/download.$1.log"
      return 0
    fi
    sleep "$try"
  done
  cat "$folder/download.$1.log"
  return 1
}
cd "$folder/packages"
waiting=""
set --
for name in $programs $libraries; do
  set -- "$@" "$name:arm64"
  if [ "$#" -ge 12 ]; then
    download "$@" &
    waiting="$waiting $!"
    set --
  fi
done
if [ "$#" -gt 0 ]; then download "$@"; fi
for one in $waiting; do wait "$one"; done

cd "$folder"
dpkg-deb -x packages/busybox-static_*.deb unpacked
cp unpacked/bin/busybox busybox
rm -rf unpacked packages/busybox-static_*.deb
for package in packages/*.deb; do dpkg-deb -x "$package" root; done
# What base-passwd would do when it is set up.
cp root/usr/share/base-passwd/passwd.master root/etc/passwd
cp root/usr/share/base-passwd/group.master root/etc/group
mkdir -p root/tmp root/var/www

cd npm
for package in "@esbuild/linux-arm64@$esbuild" @pagefind/linux-arm64@1.6.0; do
  for try in 1 2 3 4; do
    archive=$(npm pack --silent "$package") && break
    sleep "$try"
  done
  package=${package%@*}
  name=$(basename "$package")-$(dirname "$package" | tr -d @)
  mkdir "$name"
  tar -xzf "$archive" -C "$name"
done

for program in bin/bash bin/sh usr/bin/curl usr/bin/wget usr/sbin/nginx usr/bin/redis-server usr/bin/redis-cli usr/bin/redis-benchmark \
  usr/bin/sqlite3 usr/bin/openssl usr/bin/python3 usr/bin/iperf3; do
  [ -e "$folder/root/$program" ] || [ -L "$folder/root/$program" ] || { echo "$program is missing"; exit 1; }
done
echo "$list" >"$folder/complete"
