#!/bin/sh
# Builds the programs beside their sources, with Debian's gcc-aarch64-linux-gnu.
set -eu
cd "$(dirname "$0")"
for source in *.c; do
  aarch64-linux-gnu-gcc -O2 -std=gnu11 -Wall -ffreestanding -fno-builtin -fno-stack-protector -fno-pic -no-pie -nostdlib -static \
    -fno-asynchronous-unwind-tables -mno-outline-atomics -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
    -Wl,-z,noseparate-code -Wl,-Ttext-segment=0x400000 -s -o "${source%.c}.elf" "$source"
done
