# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
"$top/tests/guest/linux/mkrootfs.sh" --out "$t/root.img" --size 32
