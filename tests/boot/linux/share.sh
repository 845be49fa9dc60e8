# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# A shared directory.
#
# kernels: bzImage-small
name="shared directory by 9p"
rm -rf shared && mkdir shared && echo "from the host" >shared/hello
small 0 "$name" share --share tag=host,path=shared && {
    check "$name: guest" has share=ok
    check "$name: host sees it" sh -c 'cd shared/made/deep && md5sum -c sum >/dev/null &&
        [ -L data ] && [ "$(stat -c %a moved)" = 640 ]'
}
name="virtio-mmio: shared directory by 9p"
rm -rf shared/made
small 0 "$name" share --transport mmio --share tag=host,path=shared &&
    check "$name" has share=ok
