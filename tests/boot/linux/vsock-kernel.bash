# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The kernel's tests are for both ends: in an initrd of their own, and in the folder.
tools=()
for tool in vsock_test vsock_diag_test vsock_test_hybrid; do
    file=$("$nested/assets.sh" "vsock-tests/$tool")
    cp "$file" "$t/$tool"
    [[ $tool = *_hybrid ]] || tools+=(--add "$file=/bin/$tool")
done
"$top/tests/guest/linux/mkinitrd.sh" --out "$t/initrd-tests" "${tools[@]}" \
    --add "$top/tests/guest/linux/vsock-tests.sh=/case" --modules \
    "$("$nested/assets.sh" linux-6.1/modules):$usual,virtio_net,vmw_vsock_virtio_transport,vsock_diag"
