# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A host with SVE, of vectors as short as they get: longer ones would only take longer to emulate.
export TVM_TEST_CPU=max,pauth-impdef=on,sve-max-vq=1,sme=off
