# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Where user attributes are kept: the nested machine's own root does not.
truncate -s 24M "$t/ext.img"
PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -F "$t/ext.img"
