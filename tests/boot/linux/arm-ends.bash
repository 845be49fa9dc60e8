# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# Compressed kernels: one as gzip leaves it, one as Linux makes EFI zboot images
# (drivers/firmware/efi/libstub/zboot-header.S), here with zstd and without the EFI program.
gzip -1 <"$t/Image-6.1" >"$t/Image.gz"

le32() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))$(
    printf '\\x%02x\\x%02x' $(($1 >> 16 & 255)) $(($1 >> 24)))"; }
zstd -q -1 <"$t/Image-6.1" >"$work/payload"
{ printf 'MZ\0\0zimg'
  le32 64
  le32 "$(stat -c %s "$work/payload")"
  printf '\0\0\0\0\0\0\0\0zstd22'
  head -c 34 /dev/zero
  cat "$work/payload"; } >"$t/Image.zboot"
rm "$work/payload"
